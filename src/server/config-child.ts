/**
 * Entry of the configuration child: the one process that loads the message descriptor and the YAML
 * parser.
 */
import { configRequestHandler } from "../config/config-loader-protocol.ts";
import { createLocalConfigLoader } from "../config/local-config-loader.ts";
import { serveParent } from "../platform/node/child-requests.ts";
import { readWholeFile } from "../platform/node/read-file.ts";

serveParent(configRequestHandler(createLocalConfigLoader({ read: readWholeFile })));
