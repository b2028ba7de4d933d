import { NodeSocketFactory } from "../../../src/platform/node/socket-factory.ts";
import { describeSocketFactory } from "../../contract/socket-factory.ts";
import { settleLoop, turnsUntil } from "../../kit/event-loop.ts";

describeSocketFactory("node:net", () => ({
  factory: new NodeSocketFactory(),
  until: turnsUntil,
  settle: settleLoop,
}));
