/**
 * Name resolution over `node:dns`. `dns.resolve` knows TTLs but neither the hosts file nor search
 * domains, `dns.lookup` knows both but no TTL: here hosts file and search domains are applied
 * around `dns.Resolver`. Where there is no resolv.conf the system's own lookup answers, without
 * TTL.
 */
import { lookup, Resolver } from "node:dns";
import { readFile, stat } from "node:fs/promises";
import net from "node:net";
import type { DnsAnswer, DnsFamily, DnsResolver, ResolvedAddress } from "../dns.ts";
import { type HostsTable, parseHosts } from "./hosts-file.ts";
import { candidates, parseResolvConf, type ResolvConf } from "./resolv-conf.ts";

export interface NodeDnsOptions {
  readonly hostsPath?: string;
  readonly resolvConfPath?: string;
  /** `ip` or `ip:port` of servers to ask instead of the system's. */
  readonly servers?: readonly string[];
  /** Per question and server, in ms. */
  readonly timeoutMs?: number;
  readonly tries?: number;
}

const TIMEOUT_MS = 5000;
const TRIES = 4;

/** "There is no such name" and "the name has no address of this family". */
const NOT_FOUND: ReadonlySet<string> = new Set(["ENOTFOUND", "ENODATA", "ENONAME"]);
const LOOPBACK: Readonly<Record<DnsFamily, string>> = { v4: "127.0.0.1", v6: "::1" };

/** A parsed file that is read again when it changed. */
class WatchedFile<Value> {
  private readonly path: string;
  private readonly parse: (text: string) => Value;
  private modifiedMs = -1;
  private value: Value | null = null;

  constructor(path: string, parse: (text: string) => Value) {
    this.path = path;
    this.parse = parse;
  }

  /** Null when the file cannot be read. */
  async read(): Promise<Value | null> {
    try {
      const { mtimeMs } = await stat(this.path);
      if (mtimeMs !== this.modifiedMs || this.value === null) {
        this.value = this.parse(await readFile(this.path, "utf8"));
        this.modifiedMs = mtimeMs;
      }
    } catch {
      this.modifiedMs = -1;
      this.value = null;
    }
    return this.value;
  }
}

interface System {
  readonly conf: ResolvConf;
  readonly resolver: Resolver;
}

export class NodeDnsResolver implements DnsResolver {
  private readonly options: NodeDnsOptions;
  private readonly hosts: WatchedFile<HostsTable>;
  private readonly system: WatchedFile<System>;

  constructor(options: NodeDnsOptions = {}) {
    this.options = options;
    this.hosts = new WatchedFile(options.hostsPath ?? "/etc/hosts", parseHosts);
    this.system = new WatchedFile(options.resolvConfPath ?? "/etc/resolv.conf", (text) => ({
      conf: parseResolvConf(text),
      resolver: makeResolver(options),
    }));
  }

  resolve(name: string, family: DnsFamily, callback: (answer: DnsAnswer) => void): void {
    void this.answer(name, family).then(callback);
  }

  withServers(servers: readonly string[]): DnsResolver {
    return new NodeDnsResolver({ ...this.options, servers });
  }

  /** Never rejects. */
  private async answer(name: string, family: DnsFamily): Promise<DnsAnswer> {
    const version = net.isIP(name);
    if (version !== 0) return literal(name, version === 6 ? "v6" : "v4", family);
    const fixed = await this.fromHosts(name, family);
    if (fixed !== null) return fixed;
    const system = await this.system.read();
    if (system === null) return lookUp(name, family);
    return search(system, name, family);
  }

  private async fromHosts(name: string, family: DnsFamily): Promise<DnsAnswer | null> {
    const key = name.toLowerCase().replace(/\.$/, "");
    const listed = (await this.hosts.read())?.get(key);
    if (listed !== undefined) {
      const found = listed.filter((one) => one.family === family);
      if (found.length === 0) return { kind: "not-found" };
      return { kind: "resolved", addresses: found.map(({ ip }) => ({ ip, ttlMs: 0 })) };
    }
    // RFC 6761 §6.3: localhost never leaves the machine.
    if (key !== "localhost" && !key.endsWith(".localhost")) return null;
    return { kind: "resolved", addresses: [{ ip: LOOPBACK[family], ttlMs: 0 }] };
  }
}

function makeResolver(options: NodeDnsOptions): Resolver {
  const resolver = new Resolver({
    timeout: options.timeoutMs ?? TIMEOUT_MS,
    tries: options.tries ?? TRIES,
  });
  if (options.servers !== undefined) resolver.setServers(options.servers);
  return resolver;
}

function literal(ip: string, own: DnsFamily, asked: DnsFamily): DnsAnswer {
  if (own !== asked) return { kind: "not-found" };
  return { kind: "resolved", addresses: [{ ip, ttlMs: 0 }] };
}

/**
 * The first candidate with addresses counts. A server that fails ends the search: guessing on could
 * reach a stranger.
 */
async function search(system: System, name: string, family: DnsFamily): Promise<DnsAnswer> {
  for (const candidate of candidates(name, system.conf)) {
    const answer = await ask(system.resolver, candidate, family);
    if (answer.kind !== "not-found") return answer;
  }
  return { kind: "not-found" };
}

function ask(resolver: Resolver, name: string, family: DnsFamily): Promise<DnsAnswer> {
  return new Promise((resolve) => {
    const done = (
      error: NodeJS.ErrnoException | null,
      records: readonly { address: string; ttl: number }[],
    ): void => resolve(error === null ? resolved(records) : failed(error));
    if (family === "v4") resolver.resolve4(name, { ttl: true }, done);
    else resolver.resolve6(name, { ttl: true }, done);
  });
}

function lookUp(name: string, family: DnsFamily): Promise<DnsAnswer> {
  return new Promise((resolve) => {
    lookup(name, { family: family === "v4" ? 4 : 6, all: true }, (error, records) => {
      if (error !== null) resolve(failed(error));
      else resolve(resolved(records.map(({ address }) => ({ address, ttl: 0 }))));
    });
  });
}

function resolved(records: readonly { address: string; ttl: number }[]): DnsAnswer {
  const addresses = records.map(
    ({ address, ttl }): ResolvedAddress => ({ ip: address, ttlMs: ttl * 1000 }),
  );
  return addresses.length === 0 ? { kind: "not-found" } : { kind: "resolved", addresses };
}

function failed(error: NodeJS.ErrnoException): DnsAnswer {
  const code = error.code ?? "EUNKNOWN";
  return NOT_FOUND.has(code) ? { kind: "not-found" } : { kind: "failure", code };
}
