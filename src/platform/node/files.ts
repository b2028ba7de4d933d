/** `Files` over node:fs: reading, watching for moves into place, log files. */
import { type FSWatcher, watch } from "node:fs";
import { access, readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Files, FileWatch, FolderEntry, LogFile, LogFileOptions } from "../files.ts";
import { NodeLogFile } from "./log-file.ts";
import type { WriteTurn } from "./write-turn.ts";

/** Editors write a file in several steps; one reload is enough. */
const SETTLE_MS = 50;

const FLUSH_LIMIT_MS = 1000;

export class NodeFiles implements Files {
  private readonly logs = new Map<string, NodeLogFile>();
  private readonly turn: WriteTurn | null;

  /** `turn` is shared with the other threads of the process, if there are any. */
  constructor(turn: WriteTurn | null = null) {
    this.turn = turn;
  }

  read(path: string): Promise<Uint8Array> {
    return readFile(path);
  }

  async exists(path: string): Promise<boolean> {
    try {
      await access(path);
      return true;
    } catch {
      return false;
    }
  }

  async list(path: string): Promise<readonly FolderEntry[]> {
    try {
      const names = (await readdir(path)).filter((name) => !name.startsWith("."));
      return Promise.all(
        names.map(async (name) => ({ name, folder: (await stat(join(path, name))).isDirectory() })),
      );
    } catch {
      return [];
    }
  }

  watchMoves(path: string, onMove: () => void): FileWatch {
    const name = basename(path);
    // inotify reports a move as "rename"; a write in place is "change" and must not trigger (Envoy
    // semantics).
    return watchFolder(dirname(path), (event, changed) => {
      if (event === "rename" && (changed === name || isFolderSwap(changed))) onMove();
    });
  }

  watchChanges(path: string, onChange: () => void): FileWatch {
    const name = basename(path);
    let settle: NodeJS.Timeout | null = null;
    const watcher = watchFolder(dirname(path), (_event, changed) => {
      if (changed !== name && !isFolderSwap(changed)) return;
      if (settle !== null) clearTimeout(settle);
      settle = setTimeout(onChange, SETTLE_MS);
      settle.unref();
    });
    return {
      close: (): void => {
        if (settle !== null) clearTimeout(settle);
        watcher.close();
      },
    };
  }

  /** One writer per path: several loggers of one file share it. */
  openLog(path: string, options: LogFileOptions): LogFile {
    const open = this.logs.get(path);
    if (open !== undefined) return open;
    const log = new NodeLogFile(path, options, this.turn);
    this.logs.set(path, log);
    return log;
  }

  /** Log rotation (SIGUSR1). */
  reopenLogs(): void {
    for (const log of this.logs.values()) log.reopen();
  }

  /**
   * True once everything queued is with the kernel, false when `limitMs` is over: a pipe that
   * nobody reads takes nothing, and must not keep the process from ending.
   */
  flushLogs(limitMs: number = FLUSH_LIMIT_MS): Promise<boolean> {
    const all = [...this.logs.values()].map(
      (log) => new Promise<void>((resolve) => log.flush(resolve)),
    );
    return new Promise((resolve) => {
      const limit = setTimeout(() => resolve(false), limitMs);
      void Promise.all(all).then(() => {
        clearTimeout(limit);
        resolve(true);
      });
    });
  }
}

/** Kubernetes swaps `..data` to publish new files of a volume. */
function isFolderSwap(name: string | null): boolean {
  return name === "..data";
}

function watchFolder(
  folder: string,
  onEvent: (event: string, name: string | null) => void,
): FSWatcher {
  const watcher = watch(folder, { persistent: false }, onEvent);
  // A folder that disappears ends the watch; configuration stays as it is.
  watcher.on("error", () => watcher.close());
  return watcher;
}
