/**
 * /config_dump: the configuration in force in Envoy's JSON shape, read from the encoded resources
 * a few at a time. Envoy: `Server::ConfigDumpHandler`.
 */
import { compileRegex } from "../../../base/regex.ts";
import type { JsonObject } from "../../../proto/plain.ts";
import type { AdminHost } from "../admin-host.ts";
import { type AdminEndpoint, type AdminResponse, json } from "../endpoint.ts";
import { StreamedList, streamJson } from "../json-stream.ts";
import {
  type DumpSection,
  type DumpSections,
  dumpSections,
  type ResourceField,
} from "./dump-sections.ts";
import { checkResourceMask, maskSection, type ResourceMask, trim } from "./field-mask.ts";
import { printedJson, storedJson } from "./stored-json.ts";

export const configDump: AdminEndpoint = {
  path: "/config_dump",
  help: "dump current Envoy configs (experimental)",
  mutates: false,
  parameters: [
    { name: "resource", help: "The resource to dump", kind: "text" },
    {
      name: "mask",
      help: "The mask to apply. When both resource and mask are specified, the mask is applied to every element in the desired repeated field so that only a subset of fields are returned. The mask is parsed as a Protobuf::FieldMask",
      kind: "text",
    },
    {
      name: "name_regex",
      help: "Dump only the currently loaded configurations whose names match the specified regex. Can be used with both resource and mask query parameters.",
      kind: "text",
    },
    {
      name: "include_eds",
      help: "Dump currently loaded configuration including EDS. See the response definition for more information",
      kind: "flag",
    },
  ],
  handle: async ({ query }, host) => {
    const matches = nameMatcher(query.get("name_regex") ?? "");
    if (typeof matches === "string") return refused(400, matches);
    const sections = await dumpSections(host, matches, query.has("include_eds"));
    const mask = query.get("mask") ?? "";
    const resource = query.get("resource") ?? "";
    if (resource !== "") return dumpResource(host, sections, resource, mask);
    return mask === "" ? answer(dumpAll(sections)) : dumpMasked(host, sections, mask);
  },
};

type NameMatcher = (name: string) => boolean;

function nameMatcher(pattern: string): NameMatcher | string {
  if (pattern === "") return () => true;
  const regex = compileRegex(pattern);
  if (!("error" in regex)) return (name) => regex.matchesFully(name);
  return `INVALID_ARGUMENT: Error while parsing name_regex from ${pattern}: ${regex.error}`;
}

/** Complaints come without a charset, as Envoy's do. */
function refused(status: number, body: string): AdminResponse {
  return { status, contentType: "text/plain", body };
}

function answer(configs: AsyncIterable<unknown>): AdminResponse {
  return json(streamJson({ configs: new StreamedList(configs) }));
}

async function* dumpAll(sections: DumpSections): AsyncGenerator<unknown> {
  for (const section of sections) {
    yield {
      "@type": `type.googleapis.com/${section.typeName}`,
      ...(await section.head()),
      ...streamedFields(section.lists),
    };
  }
}

function streamedFields(lists: readonly ResourceField[]): Record<string, StreamedList> {
  return Object.fromEntries(
    lists.map(({ field, items }) => [field, new StreamedList(items(printedJson))]),
  );
}

/** Sections that the mask does not fit are left out; it must fit one. */
async function dumpMasked(
  host: AdminHost,
  sections: DumpSections,
  mask: string,
): Promise<AdminResponse> {
  const paths = mask.split(",").filter((path) => path !== "");
  const fitting: DumpSection[] = [];
  for (const section of sections) {
    if (await host.server.loader.checkMask(section.typeName, paths)) fitting.push(section);
  }
  if (fitting.length === 0) {
    return refused(400, `FieldMask ${mask} could not be successfully applied to any configs.`);
  }
  async function* configs(): AsyncGenerator<unknown> {
    for (const section of fitting) {
      const lists = section.lists.filter(({ field }) => paths.includes(field));
      const head = trim(await section.head(), paths);
      yield {
        "@type": `type.googleapis.com/${section.typeName}`,
        ...head,
        ...streamedFields(lists),
      };
    }
  }
  return answer(configs());
}

async function dumpResource(
  host: AdminHost,
  sections: DumpSections,
  resource: string,
  maskText: string,
): Promise<AdminResponse> {
  const list = sections.flatMap(({ lists }) => lists).find(({ field }) => field === resource);
  if (list === undefined) {
    const known = sections.some(({ singleFields }) => singleFields.includes(resource));
    if (!known) return refused(404, `${resource} not found in config dump`);
    const advice = `Use ?mask=${resource} to get only this field`;
    return refused(400, `${resource} is not a repeated field. ${advice}`);
  }
  const mask = maskText === "" ? null : maskSection(maskText, list.anyField);
  if (mask !== null && !(await checkResourceMask(host.server.loader, list, mask))) {
    const paths = mask.paths.map((path) => `paths: "${path}"\n`).join("");
    return refused(400, `FieldMask ${paths} could not be successfully used.`);
  }
  return answer(resourceItems(list, mask));
}

async function* resourceItems(
  { items, elementType, anyField }: ResourceField,
  mask: ResourceMask | null,
): AsyncGenerator<unknown> {
  for await (const item of items(mask === null ? printedJson : storedJson)) {
    const shown = mask === null ? item : mask.apply(item as JsonObject, anyField);
    yield { "@type": `type.googleapis.com/${elementType}`, ...shown };
  }
}
