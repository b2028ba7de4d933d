// hot: per request
/**
 * Appends log lines in batches with `fs.write`: at most one write is under way, everything else
 * waits in one string. Bytes are latin1, one per character, so header bytes arrive in the log as
 * they came. A logging library would encode UTF-8.
 */
import { closeSync, openSync, write } from "node:fs";
import type { LogFile, LogFileOptions } from "../files.ts";

const STDOUT = 1;
const STDERR = 2;
const RETRY_MS = 10;

export class NodeLogFile implements LogFile {
  droppedBytes = 0;
  private readonly path: string;
  private readonly options: LogFileOptions;
  private descriptor: number;
  private waiting = "";
  private writing: Buffer | null = null;
  private written = 0;
  private flushTimer: NodeJS.Timeout | null = null;
  private flushed: (() => void)[] = [];
  private reopening = false;

  constructor(path: string, options: LogFileOptions) {
    this.path = path;
    this.options = options;
    this.descriptor = openLogDescriptor(path);
  }

  append(text: string): void {
    if (this.waiting.length + text.length > this.options.maxBytes) {
      this.droppedBytes += text.length;
      return;
    }
    this.waiting += text;
    if (this.waiting.length >= this.options.flushBytes) this.startWrite();
    else if (this.flushTimer === null) this.startTimer();
  }

  flush(done: () => void): void {
    if (this.waiting === "" && this.writing === null) {
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

  private startTimer(): void {
    this.flushTimer = setTimeout(() => {
      this.flushTimer = null;
      this.startWrite();
    }, this.options.flushIntervalMs);
    this.flushTimer.unref();
  }

  private startWrite(): void {
    if (this.writing !== null || this.waiting === "") return;
    this.writing = Buffer.from(this.waiting, "latin1");
    this.written = 0;
    this.waiting = "";
    this.writeRest();
  }

  private writeRest(): void {
    const bytes = this.writing as Buffer;
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
    if (error === null) this.written += count;
    else this.droppedBytes += bytes.length - this.written;
    if (error === null && this.written < bytes.length) this.writeRest();
    else this.finishWrite();
  }

  private finishWrite(): void {
    this.writing = null;
    if (this.reopening) this.openAgain();
    if (this.waiting.length >= this.options.flushBytes || this.flushed.length > 0)
      this.startWrite();
    if (this.writing !== null) return;
    const flushed = this.flushed;
    this.flushed = [];
    for (const done of flushed) done();
  }

  private openAgain(): void {
    this.reopening = false;
    if (this.descriptor === STDOUT || this.descriptor === STDERR) return;
    const previous = this.descriptor;
    this.descriptor = openLogDescriptor(this.path);
    closeSync(previous);
  }
}

function openLogDescriptor(path: string): number {
  if (path === "/dev/stdout") return STDOUT;
  if (path === "/dev/stderr") return STDERR;
  return openSync(path, "a");
}
