// hot: per header
/**
 * Headers as flat parallel lists in arrival order. Pseudo headers are fields of the request and
 * response maps; `get` and `set` reach them by name as well, so that matchers and formatters need
 * no special case. Envoy: `HeaderMap`.
 */
import { type HeaderName, Headers } from "./header-names.ts";

export class HeaderMap {
  readonly names: HeaderName[] = [];
  readonly values: string[] = [];
  /** Union of the `bit`s of every name ever added: a clear bit proves absence. */
  seen = 0;
  /** Names as they arrived, for `preserve_case`; null unless asked for. */
  originalNames: string[] | null = null;

  get size(): number {
    return this.names.length;
  }

  /** Adds a header line after the existing ones. */
  add(name: HeaderName, value: string): void {
    this.seen |= name.bit;
    this.names.push(name);
    this.values.push(value);
    if (this.originalNames !== null) this.originalNames.push(name.text);
  }

  /** The first value, or undefined. */
  get(name: HeaderName): string | undefined {
    if (name.pseudo) return this.getPseudo(name);
    if ((this.seen & name.bit) === 0) return undefined;
    const index = this.names.indexOf(name);
    return index < 0 ? undefined : this.values[index];
  }

  has(name: HeaderName): boolean {
    return this.get(name) !== undefined;
  }

  /** All values in order, joined with "," as matchers see them; undefined when absent. */
  getJoined(name: HeaderName): string | undefined {
    if (name.pseudo) return this.getPseudo(name);
    if ((this.seen & name.bit) === 0) return undefined;
    let joined: string | undefined;
    for (let index = 0; index < this.names.length; index++) {
      if (this.names[index] !== name) continue;
      const value = this.values[index] as string;
      joined = joined === undefined ? value : `${joined},${value}`;
    }
    return joined;
  }

  getAll(name: HeaderName): string[] {
    const single = name.pseudo ? this.getPseudo(name) : undefined;
    if (single !== undefined) return [single];
    return this.values.filter((_, index) => this.names[index] === name);
  }

  count(name: HeaderName): number {
    if ((this.seen & name.bit) === 0) return 0;
    let count = 0;
    for (let index = 0; index < this.names.length; index++) if (this.names[index] === name) count++;
    return count;
  }

  /** Replaces all values of the name: the first keeps its place. */
  set(name: HeaderName, value: string): void {
    if (name.pseudo) {
      this.setPseudo(name, value);
      return;
    }
    const index = (this.seen & name.bit) === 0 ? -1 : this.names.indexOf(name);
    if (index < 0) {
      this.add(name, value);
      return;
    }
    this.values[index] = value;
    this.removeFrom(name, index + 1);
  }

  /** Appends to the existing value with the delimiter (none after ""), or adds the header. */
  append(name: HeaderName, value: string, delimiter: string = ","): void {
    const index = (this.seen & name.bit) === 0 ? -1 : this.names.indexOf(name);
    if (index < 0) this.add(name, value);
    else if (this.values[index] === "") this.values[index] = value;
    else this.values[index] = `${this.values[index]}${delimiter}${value}`;
  }

  /** Removes one line. */
  removeAt(index: number): void {
    for (let from = index + 1; from < this.names.length; from++) this.keep(from, from - 1);
    this.names.pop();
    this.values.pop();
    this.originalNames?.pop();
  }

  /** Removes every line of the name. True when there was one. */
  remove(name: HeaderName): boolean {
    return (this.seen & name.bit) !== 0 && this.removeFrom(name, 0);
  }

  /** Removes every header for which the predicate holds. */
  removeIf(predicate: (name: HeaderName, value: string) => boolean): void {
    let kept = 0;
    for (let index = 0; index < this.names.length; index++) {
      const name = this.names[index] as HeaderName;
      const value = this.values[index] as string;
      if (!predicate(name, value)) this.keep(index, kept++);
    }
    this.truncate(kept);
  }

  /** Bytes on the wire as Envoy counts them: names and values. */
  byteSize(): number {
    let bytes = 0;
    for (let index = 0; index < this.names.length; index++) {
      bytes +=
        (this.names[index] as HeaderName).text.length + (this.values[index] as string).length;
    }
    return bytes;
  }

  protected getPseudo(_name: HeaderName): string | undefined {
    return undefined;
  }

  protected setPseudo(_name: HeaderName, _value: string): void {
    // Trailers have none.
  }

  private removeFrom(name: HeaderName, start: number): boolean {
    const at = this.names.indexOf(name, start);
    if (at < 0) return false;
    let kept = at;
    for (let index = at + 1; index < this.names.length; index++) {
      if (this.names[index] !== name) this.keep(index, kept++);
    }
    this.truncate(kept);
    return true;
  }

  private keep(from: number, to: number): void {
    if (from === to) return;
    this.names[to] = this.names[from] as HeaderName;
    this.values[to] = this.values[from] as string;
    if (this.originalNames !== null) this.originalNames[to] = this.originalNames[from] as string;
  }

  private truncate(size: number): void {
    this.names.length = size;
    this.values.length = size;
    if (this.originalNames !== null) this.originalNames.length = size;
  }
}

export class RequestHeaderMap extends HeaderMap {
  method = "";
  /** Path and query as sent; "" when missing (CONNECT). */
  path = "";
  /** Host header or authority; "" when missing. */
  authority = "";
  /** "http", "https", or "" until known. */
  scheme = "";
  /** The Host header's name as it arrived, for `preserve_case`; "" unless asked for. */
  originalHostName = "";
  /** Extended CONNECT protocol (RFC 8441); "" when none. */
  protocol = "";

  protected override getPseudo(name: HeaderName): string | undefined {
    const value = this.pseudoValue(name);
    return value === "" ? undefined : value;
  }

  protected override setPseudo(name: HeaderName, value: string): void {
    if (name === Headers.Path) this.path = value;
    else if (name === Headers.Method) this.method = value;
    else if (name === Headers.Authority) this.authority = value;
    else if (name === Headers.Scheme) this.scheme = value;
    else if (name === Headers.Protocol) this.protocol = value;
  }

  private pseudoValue(name: HeaderName): string {
    if (name === Headers.Path) return this.path;
    if (name === Headers.Method) return this.method;
    if (name === Headers.Authority) return this.authority;
    if (name === Headers.Scheme) return this.scheme;
    return name === Headers.Protocol ? this.protocol : "";
  }
}

export class ResponseHeaderMap extends HeaderMap {
  /** 100 … 999; 0 while unset. */
  status = 0;

  protected override getPseudo(name: HeaderName): string | undefined {
    return name === Headers.Status && this.status !== 0 ? String(this.status) : undefined;
  }

  protected override setPseudo(name: HeaderName, value: string): void {
    if (name === Headers.Status) this.status = Number(value);
  }
}
