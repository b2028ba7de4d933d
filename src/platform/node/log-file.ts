// hot: per request
/**
 * Appends log lines in batches with `fs.write`: at most one write is under way, everything else
 * waits as bytes. Waiting text would keep the pieces of every line (and the heads they were cut
 * from) alive through several scavenges. Bytes are latin1, one per character, so header bytes
 * arrive in the log as they came. A logging library would encode UTF-8.
 */
import { closeSync, openSync, write } from "node:fs";
import { latin1Write } from "../../base/latin1.ts";
import type { LogFile, LogFileObserver, LogFileOptions } from "../files.ts";
import type { WriteTurn } from "./write-turn.ts";

/** Of the log of the program itself. */
export const LOG_OPTIONS: LogFileOptions = {
  flushIntervalMs: 50,
  flushBytes: 16384,
  maxBytes: 1 << 22,
};

const STDOUT = 1;
const STDERR = 2;
const RETRY_MS = 10;
const FIRST_BYTES = 4096;
const NO_BYTES: Buffer = Buffer.alloc(0);
/** The path could not be opened: lines are lost and counted until `reopen`. */
const CLOSED = -1;

const NOT_OPEN: NodeJS.ErrnoException = new Error("the log file is not open");

export class NodeLogFile implements LogFile {
  droppedBytes = 0;
  private readonly path: string;
  private readonly options: LogFileOptions;
  private readonly observer: LogFileObserver | null;
  private descriptor: number;
  private waiting: Buffer = NO_BYTES;
  private waitingBytes = 0;
  private writing: Buffer | null = null;
  /** The memory of the last batch, for the next but one. */
  private spare: Buffer = NO_BYTES;
  private written = 0;
  private flushTimer: NodeJS.Timeout | null = null;
  private flushed: (() => void)[] = [];
  private reopening = false;
  private readonly turn: WriteTurn | null;

  /** `turn` is for the standard streams; null when no other thread writes there. */
  constructor(path: string, options: LogFileOptions, turn: WriteTurn | null = null) {
    this.turn = turn;
    this.path = path;
    this.options = options;
    this.observer = options.observer ?? null;
    this.descriptor = openLogDescriptor(path);
  }

  append(text: string): void {
    const needed = this.waitingBytes + text.length;
    if (needed > this.options.maxBytes) {
      this.droppedBytes += text.length;
      this.observer?.onDrop(text.length);
      return;
    }
    if (needed > this.waiting.length) this.grow(needed);
    this.waitingBytes += latin1Write(this.waiting, text, this.waitingBytes);
    this.observer?.onAppend(text.length);
    if (needed >= this.options.flushBytes) this.startWrite();
    else if (this.flushTimer === null) this.startTimer();
  }

  flush(done: () => void): void {
    if (this.waitingBytes === 0 && this.writing === null) {
      done();
      return;
    }
    this.flushed.push(done);
    this.startWrite();
  }

  reopen(): void {
    this.reopening = true;
    if (this.writing === null) this.openAgain();
  }

  private grow(needed: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, needed, 2 * this.waiting.length));
    this.waiting.copy(grown, 0, 0, this.waitingBytes);
    this.waiting = grown;
  }

  private startTimer(): void {
    this.flushTimer = setTimeout(() => {
      this.flushTimer = null;
      this.observer?.onTimer();
      this.startWrite();
    }, this.options.flushIntervalMs);
    this.flushTimer.unref();
  }

  private startWrite(): void {
    if (this.writing !== null || this.waitingBytes === 0) return;
    const full = this.waiting;
    this.writing = full.subarray(0, this.waitingBytes);
    this.written = 0;
    this.waiting = this.spare;
    this.waitingBytes = 0;
    // A burst that the disk could not follow must not keep its memory.
    this.spare = full.length > 4 * this.options.flushBytes ? NO_BYTES : full;
    if (this.turn !== null && this.isStandardStream) this.turn.take(() => this.writeRest());
    else this.writeRest();
  }

  private writeRest(): void {
    const bytes = this.writing as Buffer;
    if (this.descriptor === CLOSED) {
      this.onWritten(NOT_OPEN, 0);
      return;
    }
    write(
      this.descriptor,
      bytes,
      this.written,
      bytes.length - this.written,
      null,
      (error, count) => {
        this.onWritten(error, count);
      },
    );
  }

  private onWritten(error: NodeJS.ErrnoException | null, count: number): void {
    const bytes = this.writing as Buffer;
    if (error !== null && error.code === "EAGAIN") {
      setTimeout(() => this.writeRest(), RETRY_MS).unref();
      return;
    }
    if (error !== null) {
      this.droppedBytes += bytes.length - this.written;
      this.observer?.onWriteFailed(bytes.length);
      this.finishWrite();
      return;
    }
    this.written += count;
    if (this.written < bytes.length) {
      this.writeRest();
      return;
    }
    this.observer?.onWritten(bytes.length);
    this.finishWrite();
  }

  private get isStandardStream(): boolean {
    return this.descriptor === STDOUT || this.descriptor === STDERR;
  }

  private finishWrite(): void {
    this.writing = null;
    if (this.isStandardStream) this.turn?.give();
    if (this.reopening) this.openAgain();
    // Without a timer, the time of the waiting lines has come while the write was under way.
    const due = this.flushTimer === null || this.waitingBytes >= this.options.flushBytes;
    if (due || this.flushed.length > 0) this.startWrite();
    if (this.writing !== null) return;
    const flushed = this.flushed;
    this.flushed = [];
    for (const done of flushed) done();
  }

  private openAgain(): void {
    this.reopening = false;
    if (this.isStandardStream) return;
    const previous = this.descriptor;
    const next = openLogDescriptor(this.path);
    if (next === CLOSED) {
      this.observer?.onReopenFailed();
      return;
    }
    this.descriptor = next;
    if (previous !== CLOSED) closeSync(previous);
  }
}

function openLogDescriptor(path: string): number {
  if (path === "/dev/stdout") return STDOUT;
  if (path === "/dev/stderr") return STDERR;
  try {
    return openSync(path, "a");
  } catch {
    return CLOSED;
  }
}
