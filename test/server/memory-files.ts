// Files in memory: content by path, moves announced to watchers as a rename into place is.
import type { Files, FileWatch, FolderEntry, LogFile } from "../../src/platform/files.ts";

export class MemoryFiles implements Files {
  /** What was appended to log files, by path. */
  readonly logs: Map<string, string> = new Map();
  private readonly contents = new Map<string, string>();
  private readonly watchers = new Map<string, Set<() => void>>();

  /** Writes without announcing: an editor that writes in place, or the first content. */
  write(path: string, text: string): void {
    this.contents.set(path, text);
  }

  /** A new file is renamed into place. */
  move(path: string, text: string): void {
    this.write(path, text);
    for (const watcher of [...(this.watchers.get(path) ?? [])]) watcher();
  }

  remove(path: string): void {
    this.contents.delete(path);
  }

  /** Paths that somebody watches, once per watch. */
  watched(): string[] {
    return [...this.watchers].flatMap(([path, all]) => [...all].map(() => path));
  }

  async read(path: string): Promise<Uint8Array> {
    const text = this.contents.get(path);
    if (text === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: "ENOENT" });
    return new TextEncoder().encode(text);
  }

  async exists(path: string): Promise<boolean> {
    return this.contents.has(path);
  }

  async list(path: string): Promise<readonly FolderEntry[]> {
    const entries = new Map<string, FolderEntry>();
    for (const file of this.contents.keys()) {
      if (!file.startsWith(`${path}/`)) continue;
      const [name = "", ...rest] = file.slice(path.length + 1).split("/");
      entries.set(name, { name, folder: rest.length > 0 });
    }
    return [...entries.values()];
  }

  watchMoves(path: string, onMove: () => void): FileWatch {
    const all = this.watchers.get(path) ?? new Set();
    this.watchers.set(path, all.add(onMove));
    return { close: () => void all.delete(onMove) };
  }

  watchChanges(path: string, onChange: () => void): FileWatch {
    return this.watchMoves(path, onChange);
  }

  openLog(path: string): LogFile {
    return {
      append: (text) => void this.logs.set(path, (this.logs.get(path) ?? "") + text),
      flush: (done) => done(),
      reopen: () => undefined,
      droppedBytes: 0,
    };
  }
}
