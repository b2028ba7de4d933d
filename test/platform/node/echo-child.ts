// A child process that gives back what it is asked, dies when told to, and tells its process id.
import { serveParent } from "../../../src/platform/node/child-requests.ts";

serveParent(async (message) => {
  if (message === "throw") throw new Error("asked to throw");
  if (message === "die") process.exit(1);
  if (message === "wait") return new Promise(() => {});
  return message === "pid" ? process.pid : message;
});
