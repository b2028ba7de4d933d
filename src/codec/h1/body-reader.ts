// hot: per chunk
/**
 * Reads one message body: by length, chunked (RFC 9112 §7.1) or until close. Chunk framing is taken
 * out in place, so however finely the peer cuts its chunks, one read gives one piece of data.
 */

import { latin1Slice } from "../../base/latin1.ts";
import { HeaderMap } from "../header-map.ts";
import { CR, FIELD_VALUE, HEX, LF } from "./characters.ts";
import { CHUNKED, NO_LENGTH } from "./framing.ts";
import { HeadBuffer } from "./head-buffer.ts";
import { FAILED, scanFailure, scanFields, takeFields } from "./head-parser.ts";
import { CODEC_ERROR, HEADERS_TOO_LARGE, type Http1Error } from "./protocol-error.ts";
import type { Http1Settings } from "./settings.ts";

const DONE = 0;
const LENGTH = 1;
const UNTIL_CLOSE = 2;
const CHUNK_SIZE_FIRST = 3;
const CHUNK_SIZE = 4;
const CHUNK_EXTENSION = 5;
const CHUNK_SIZE_LF = 6;
const CHUNK_DATA = 7;
const CHUNK_DATA_CR = 8;
const CHUNK_DATA_LF = 9;
const TRAILERS = 10;
const BROKEN = 11;
/** White space between a chunk size and the semicolon of its extension (RFC 9112 §7.1.1). */
const CHUNK_BLANKS = 12;

/** Largest exact chunk size: 13 hex digits. */
const SIZE_DIGITS_MAX = 13;
/**
 * Bytes of chunk extensions per chunk; they mean nothing to us and cost the sender bandwidth, not
 * us memory.
 */
const EXTENSION_MAX = 4096;
const SEMICOLON = 59;
const BLANKS = new Set([32, 9]);

export class BodyReader {
  private readonly settings: Http1Settings;
  private state: number = DONE;
  private remaining = 0;
  private digits = 0;
  private trailerBytes: HeadBuffer | null = null;
  /** Start and end of the data that the last `read` found, within the bytes given to it. */
  dataStart = 0;
  dataEnd = 0;
  /** Set once the trailer section was read; null when it was empty. */
  trailers: HeaderMap | null = null;
  error: Http1Error = CODEC_ERROR;

  constructor(settings: Http1Settings) {
    this.settings = settings;
  }

  /** Begins a body of `length` bytes, `CHUNKED`, or `NO_LENGTH` (until close). */
  start(length: number): void {
    this.trailers = null;
    this.remaining = 0;
    if (length === CHUNKED) this.state = CHUNK_SIZE_FIRST;
    else if (length === NO_LENGTH) this.state = UNTIL_CLOSE;
    else this.startLength(length);
  }

  get done(): boolean {
    return this.state === DONE;
  }

  get broken(): boolean {
    return this.state === BROKEN;
  }

  /** The body ends where the connection ends. */
  get untilClose(): boolean {
    return this.state === UNTIL_CLOSE;
  }

  /**
   * Consumes body bytes from `at`; returns the offset of the first byte after them. Check `done`
   * and `broken`.
   */
  read(bytes: Buffer, at: number): number {
    this.dataStart = at;
    this.dataEnd = at;
    if (this.state === LENGTH) return this.readLength(bytes, at);
    if (this.state === UNTIL_CLOSE) {
      this.dataEnd = bytes.length;
      return bytes.length;
    }
    return this.readChunked(bytes, at);
  }

  private startLength(length: number): void {
    this.remaining = length;
    this.state = length === 0 ? DONE : LENGTH;
  }

  private readLength(bytes: Buffer, at: number): number {
    const taken = Math.min(bytes.length - at, this.remaining);
    this.remaining -= taken;
    if (this.remaining === 0) this.state = DONE;
    this.dataEnd = at + taken;
    return at + taken;
  }

  private readChunked(bytes: Buffer, start: number): number {
    let at = start;
    while (at < bytes.length && this.state !== DONE && this.state !== BROKEN) {
      if (this.state === CHUNK_DATA) at = this.readChunkData(bytes, at);
      else if (this.state === TRAILERS) at = this.readTrailers(bytes, at);
      else this.readFramingByte(bytes[at++] as number);
    }
    return at;
  }

  private readChunkData(bytes: Buffer, at: number): number {
    const taken = Math.min(bytes.length - at, this.remaining);
    if (this.dataEnd === this.dataStart) {
      this.dataStart = at;
      this.dataEnd = at + taken;
    } else {
      if (this.dataEnd !== at) bytes.copyWithin(this.dataEnd, at, at + taken);
      this.dataEnd += taken;
    }
    this.remaining -= taken;
    if (this.remaining === 0) this.state = CHUNK_DATA_CR;
    return at + taken;
  }

  private readFramingByte(code: number): void {
    switch (this.state) {
      case CHUNK_SIZE_FIRST:
        this.remaining = 0;
        this.digits = 0;
        this.readSizeDigit(code);
        break;
      case CHUNK_SIZE:
        if (code === CR) this.state = CHUNK_SIZE_LF;
        else if (code === SEMICOLON) this.startExtension(CHUNK_EXTENSION);
        else if (BLANKS.has(code)) this.startExtension(CHUNK_BLANKS);
        else this.readSizeDigit(code);
        break;
      case CHUNK_BLANKS:
        if (code === SEMICOLON) this.state = CHUNK_EXTENSION;
        else if (!BLANKS.has(code) || ++this.digits > EXTENSION_MAX) this.break(CODEC_ERROR);
        break;
      case CHUNK_EXTENSION:
        this.readExtension(code);
        break;
      case CHUNK_SIZE_LF:
        this.expect(code, LF, this.remaining === 0 ? TRAILERS : CHUNK_DATA);
        break;
      case CHUNK_DATA_CR:
        this.expect(code, CR, CHUNK_DATA_LF);
        break;
      default:
        this.expect(code, LF, CHUNK_SIZE_FIRST);
    }
  }

  private readSizeDigit(code: number): void {
    const value = HEX[code] as number;
    if (value === 255 || this.digits === SIZE_DIGITS_MAX) {
      this.break(CODEC_ERROR);
      return;
    }
    this.remaining = this.remaining * 16 + value;
    this.digits++;
    this.state = CHUNK_SIZE;
  }

  private startExtension(state: number): void {
    this.digits = 0;
    this.state = state;
  }

  private readExtension(code: number): void {
    if (code === CR) this.state = CHUNK_SIZE_LF;
    else if (FIELD_VALUE[code] === 0 || ++this.digits > EXTENSION_MAX) this.break(CODEC_ERROR);
  }

  private expect(code: number, wanted: number, nextState: number): void {
    if (code === wanted) this.state = nextState;
    else this.break(CODEC_ERROR);
  }

  private readTrailers(bytes: Buffer, at: number): number {
    const buffer = this.trailerBytes ?? new HeadBuffer(this.settings.maxHeadersBytes, false);
    this.trailerBytes = buffer;
    const before = buffer.bytes.length;
    const state = buffer.add(bytes.subarray(at));
    if (state === "incomplete") return bytes.length;
    this.trailerBytes = null;
    if (state !== "complete") {
      this.break(state === "full" ? HEADERS_TOO_LARGE : CODEC_ERROR);
      return bytes.length;
    }
    return at + this.takeTrailers(buffer.bytes) - before;
  }

  /** Returns the length of the trailer section. */
  private takeTrailers(section: Buffer): number {
    const end = scanFields(section, 0, section.length, this.settings.maxHeadersCount);
    if (end <= 0) {
      this.break(end === FAILED ? scanFailure() : CODEC_ERROR);
      return section.length;
    }
    if (end > 2) {
      this.trailers = new HeaderMap();
      takeFields(latin1Slice(section, 0, end), 0, this.trailers);
    }
    this.state = DONE;
    return end;
  }

  private break(error: Http1Error): void {
    this.error = error;
    this.state = BROKEN;
  }
}
