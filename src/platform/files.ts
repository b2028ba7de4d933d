/** Files as an input: configuration files, watched paths and append-only logs. */

export interface FolderEntry {
  readonly name: string;
  readonly folder: boolean;
}

export interface FileWatch {
  close(): void;
}

/** Appends lines in large batches. Bounded: what does not fit is dropped and counted. */
export interface LogFile {
  /** Queues latin1 text. Never blocks. */
  append(text: string): void;
  /** Hands everything queued to the kernel; calls back when done. */
  flush(done: () => void): void;
  /** Opens the path again (log rotation). */
  reopen(): void;
  readonly droppedBytes: number;
}

/** Told of what happens to the lines of a log file: for stats. */
export interface LogFileObserver {
  onAppend(bytes: number): void;
  /** Too much waits already: the text is lost. */
  onDrop(bytes: number): void;
  /** The flush interval ran out. */
  onTimer(): void;
  /** One batch is with the kernel. */
  onWritten(bytes: number): void;
  /** The batch is lost. */
  onWriteFailed(bytes: number): void;
  onReopenFailed(): void;
}

export interface LogFileOptions {
  /** Largest time a line waits, in ms (Envoy `--file-flush-interval-msec`, 10 000). */
  readonly flushIntervalMs: number;
  /** Write as soon as this many bytes wait (Envoy: 64 KiB). */
  readonly flushBytes: number;
  /** Drop new lines while this many bytes wait. */
  readonly maxBytes: number;
  readonly observer?: LogFileObserver;
}

export interface Files {
  read(path: string): Promise<Uint8Array>;
  exists(path: string): Promise<boolean>;
  /**
   * Entries of a folder, links resolved, hidden ones left out; empty when there is no such folder.
   */
  list(path: string): Promise<readonly FolderEntry[]>;
  /**
   * Calls back after a file was moved into place at `path` (rename, Kubernetes symlink swap of its
   * folder included when `folder` is that folder). Envoy: `Filesystem::Watcher` with `MovedTo`.
   */
  watchMoves(path: string, onMove: () => void): FileWatch;
  /** Calls back on any change of content (debounced): for hot reload of the start file. */
  watchChanges(path: string, onChange: () => void): FileWatch;
  /** `/dev/stdout` and `/dev/stderr` name the process's own descriptors. */
  openLog(path: string, options: LogFileOptions): LogFile;
}
