/** POST /logging. Envoy: `Server::LogsHandler`. */
import { LOG_LEVELS } from "../../log/log-level.ts";
import { answerLogging } from "../../log/logging-page.ts";
import { type AdminEndpoint, text } from "./endpoint.ts";

export const logging: AdminEndpoint = {
  path: "/logging",
  help: "query/change logging levels",
  mutates: true,
  parameters: [
    {
      name: "paths",
      help: "Change multiple logging levels by setting to <logger_name1>:<desired_level1>,<logger_name2>:<desired_level2>",
      kind: "text",
    },
    {
      name: "level",
      help: "desired logging level, this will change all loggers's level",
      kind: "choice",
      choices: ["", ...LOG_LEVELS],
    },
  ],
  handle: ({ query }, { loggers }) => {
    const { status, body } = answerLogging(loggers, [...query]);
    return text(body, status);
  },
};
