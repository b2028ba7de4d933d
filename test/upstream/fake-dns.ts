// Names under the test's control: an answer per name and family, changed at will; answers arrive
// through simulated time, never synchronously.
import type { DnsAnswer, DnsFamily, DnsResolver } from "../../src/platform/dns.ts";
import type { SimulatedTime } from "../kit/simulated-time.ts";

export class FakeDns implements DnsResolver {
  /** `name family`, in order. */
  readonly asked: string[] = [];
  readonly servers: string[] = [];
  /** While set, answers wait for `release`. */
  private held: (() => void)[] | null = null;
  private readonly answers = new Map<string, DnsAnswer>();
  private readonly time: SimulatedTime;

  constructor(time: SimulatedTime) {
    this.time = time;
  }

  set(name: string, ips: readonly string[], ttlMs: number = 0): void {
    for (const family of ["v4", "v6"] as const) {
      const own = ips.filter((ip) => ip.includes(":") === (family === "v6"));
      this.answers.set(
        `${name} ${family}`,
        own.length === 0
          ? { kind: "not-found" }
          : { kind: "resolved", addresses: own.map((ip) => ({ ip, ttlMs })) },
      );
    }
  }

  fail(name: string, code: string = "ESERVFAIL"): void {
    this.answers.set(`${name} v4`, { kind: "failure", code });
    this.answers.set(`${name} v6`, { kind: "failure", code });
  }

  hold(): void {
    this.held = [];
  }

  release(): void {
    const held = this.held ?? [];
    this.held = null;
    for (const run of held) run();
  }

  /** `servers` are remembered; the answers are the same. */
  withServers(servers: readonly string[]): DnsResolver {
    this.servers.push(...servers);
    return this;
  }

  resolve(name: string, family: DnsFamily, callback: (answer: DnsAnswer) => void): void {
    const key = `${name} ${family}`;
    this.asked.push(key);
    const run = (): void => callback(this.answers.get(key) ?? { kind: "not-found" });
    if (this.held !== null) this.held.push(run);
    else this.time.after(0, run, "dns answer");
  }
}
