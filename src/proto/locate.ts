/**
 * Finds the place in a text that a diagnostic path names
 * (`static_resources.listeners[0].filter_chains[0]`). Where the named field is absent, the place of
 * its nearest existing parent.
 */
import type { SourcePosition } from "../base/diagnostic.ts";
import { jsonNameOf } from "./field-name.ts";
import { findEntry, type MapNode, type SourceNode, type SourceText } from "./source-node.ts";

export interface LocatedSource {
  readonly source: SourceText;
  readonly root: SourceNode;
}

type Step = { readonly field: string } | { readonly key: string };

/** Splits at dots and brackets: `a.b[x.y].c` → a, b, [x.y], c. */
export function parsePath(path: string): Step[] {
  const steps: Step[] = [];
  for (const match of path.matchAll(/\[([^\]]*)\]|[^.[\]]+/g)) {
    steps.push(match[1] === undefined ? { field: match[0] } : { key: match[1] });
  }
  return steps;
}

/** `sources` are the texts that were merged, in that order: lists continue from one to the next. */
export function locatePath(sources: readonly LocatedSource[], path: string): SourcePosition | null {
  let places: Place[] = sources.map(({ source, root }) => ({
    source,
    node: root,
    offset: root.offset,
  }));
  for (const step of parsePath(path)) {
    const next = "field" in step ? childrenOf(places, step.field) : elementsOf(places, step.key);
    if (next.length === 0) break;
    places = next;
  }
  // Of several merged texts the last one decides.
  const place = places.at(-1);
  return place?.source.positionOf(place.offset) ?? null;
}

interface Place {
  readonly source: SourceText;
  readonly node: SourceNode;
  readonly offset: number;
}

function childrenOf(places: readonly Place[], field: string): Place[] {
  return places.flatMap((place) => {
    const entry = place.node.kind === "map" ? findField(place.node, field) : undefined;
    if (entry === undefined) return [];
    return [{ source: place.source, node: entry.value, offset: entry.keyOffset }];
  });
}

function findField(map: MapNode, field: string): MapNode["entries"][number] | undefined {
  const direct = findEntry(map, field) ?? findEntry(map, jsonNameOf(field));
  if (direct !== undefined) return direct;
  // A TypedStruct keeps the fields of its inner message one level deeper.
  const type = findEntry(map, "@type")?.value;
  const content = findEntry(map, "value")?.value;
  if (type === undefined || content?.kind !== "map") return undefined;
  return findEntry(content, field) ?? findEntry(content, jsonNameOf(field));
}

/** A list index, counted over the merged lists, or a map key. */
function elementsOf(places: readonly Place[], key: string): Place[] {
  let index = /^\d+$/.test(key) ? Number(key) : -1;
  for (const place of places) {
    if (place.node.kind !== "list") continue;
    const item = place.node.items[index];
    if (index >= 0 && item !== undefined) return [{ ...place, node: item, offset: item.offset }];
    index -= place.node.items.length;
  }
  return places.flatMap((place) => {
    const entry = place.node.kind === "map" ? findEntry(place.node, key) : undefined;
    if (entry === undefined) return [];
    return [{ source: place.source, node: entry.value, offset: entry.keyOffset }];
  });
}
