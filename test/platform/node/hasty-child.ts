// A child process that ends as soon as nothing was asked for a millisecond.
import { serveParent } from "../../../src/platform/node/child-requests.ts";

serveParent(async () => process.pid, 1);
