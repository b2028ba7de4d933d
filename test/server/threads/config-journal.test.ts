import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Diagnostic } from "../../../src/base/diagnostic.ts";
import type { ConfigUpdate } from "../../../src/server/data-plane.ts";
import { ConfigJournal } from "../../../src/server/threads/config-journal.ts";

const NOTHING: ConfigUpdate = {
  clusters: [],
  removedClusters: [],
  listeners: [],
  removedListeners: [],
  clustersMayFollow: true,
  allOrNothing: true,
};

/** Listeners by name, each with a version that the test can see. */
function listeners(...names: readonly string[]): ConfigUpdate["listeners"] {
  return names.map((text, index) => {
    const [name = "", statPrefix = ""] = text.split(" ");
    return { message: { name, statPrefix }, path: `listeners[${index}]` };
  });
}

function clusters(...names: readonly string[]): ConfigUpdate["clusters"] {
  return names.map((name, index) => ({
    message: { name },
    path: `clusters[${index}]`,
    source: "dynamic" as const,
  }));
}

function error(path: string): Diagnostic {
  return { severity: "error", path, message: "", remedy: "" };
}

function listenersOf(journal: ConfigJournal): string[] {
  return journal.current().listeners.map(({ message }) => `${message.name} ${message.statPrefix}`);
}

describe("the journal of the configuration in force", () => {
  it("keeps the newest of each name, and forgets what was removed", () => {
    const journal = new ConfigJournal();
    journal.record({ ...NOTHING, clusters: clusters("a", "b"), listeners: listeners("x 1") }, []);
    const removedClusters = [{ name: "a", source: "dynamic" as const }];
    journal.record({ ...NOTHING, removedClusters, listeners: listeners("x 2", "y 1") }, []);
    assert.deepEqual(listenersOf(journal), ["x 2", "y 1"]);
    assert.deepEqual(
      journal.current().clusters.map(({ message }) => message.name),
      ["b"],
    );
  });

  it("keeps the version before one that is refused", () => {
    const journal = new ConfigJournal();
    journal.record({ ...NOTHING, listeners: listeners("x 1", "y 1") }, []);
    const found = [error("listeners[0].filter_chains[0]"), error("listeners[10]")];
    journal.record({ ...NOTHING, listeners: listeners("x 2", "y 2") }, found);
    assert.deepEqual(listenersOf(journal), ["x 1", "y 2"]);
  });

  it("takes back what could not be bound, and what was to be removed with it", () => {
    const journal = new ConfigJournal();
    journal.record({ ...NOTHING, clusters: clusters("a"), listeners: listeners("x 1", "z 1") }, []);
    const settle = journal.record(
      {
        ...NOTHING,
        removedClusters: [{ name: "a", source: "dynamic" }],
        listeners: listeners("x 2", "y 1"),
        removedListeners: ["z"],
      },
      [],
    );
    assert.deepEqual(listenersOf(journal), ["x 2", "y 1"]);
    settle([error("listeners[0].address")]);
    assert.deepEqual(listenersOf(journal).sort(), ["x 1", "y 1", "z 1"]);
    assert.equal(journal.current().clusters.length, 1);
  });

  it("spares what came since", () => {
    const journal = new ConfigJournal();
    const settle = journal.record({ ...NOTHING, listeners: listeners("x 1") }, []);
    journal.record({ ...NOTHING, listeners: listeners("x 2") }, []);
    settle([error("listeners[0].address")]);
    assert.deepEqual(listenersOf(journal), ["x 2"]);
  });

  it("does not remove what another source brought", () => {
    const journal = new ConfigJournal();
    journal.record({ ...NOTHING, clusters: clusters("a") }, []);
    journal.record({ ...NOTHING, removedClusters: [{ name: "a", source: "static" }] }, []);
    assert.equal(journal.current().clusters.length, 1);
  });
});
