/** Commands that print points in time. Envoy: `SystemTimeFormatter`. */
import type { FormatterContext } from "../../route/formatter.ts";
import { TextCommand } from "./command.ts";
import type { Operator, OperatorServices, OperatorTable } from "./operator.ts";
import { ISO_FORMAT, invalidTimeSpecifier, TimeFormat } from "./time-format.ts";

type WallMsOf = (context: FormatterContext) => number;

function timeOperator(local: boolean, prepare: (services: OperatorServices) => WallMsOf): Operator {
  return {
    parameters: "optional",
    truncates: false,
    create: ({ name, parameters, services, context }) => {
      if (/[\r\n\0]|%n/.test(parameters))
        return context.error(`${name} may not print line ends`, "remove %n");
      const invalid = invalidTimeSpecifier(parameters);
      if (invalid !== null) {
        return context.error(
          `${name} does not know ${invalid}`,
          "use strftime specifiers, %s, %f or %1f to %9f",
        );
      }
      const offset = local ? services.host.utcOffsetMinutes : null;
      const format = new TimeFormat(parameters === "" ? ISO_FORMAT : parameters, offset);
      const wallMsOf = prepare(services);
      return new TextCommand((at) => format.format(wallMsOf(at)));
    },
  };
}

const startTime = (): WallMsOf => (context) => context.streamInfo.startWallMs;
const emitTime =
  ({ time }: OperatorServices): WallMsOf =>
  () =>
    time.wallMs();

export const TIME_OPERATORS: OperatorTable = {
  START_TIME: timeOperator(false, startTime),
  START_TIME_LOCAL: timeOperator(true, startTime),
  EMIT_TIME: timeOperator(false, emitTime),
  EMIT_TIME_LOCAL: timeOperator(true, emitTime),
};
