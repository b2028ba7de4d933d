// Plays the steps of an expectation on a running example.
import assert from "node:assert/strict";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { RawClient } from "../kit/raw-client.ts";
import type {
  AdminStep,
  BytesStep,
  Expected,
  RequestStep,
  SpreadStep,
  Step,
} from "./expectation.ts";
import type { RunningExample } from "./running-example.ts";

const WITHIN_MS = 5_000;

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export class Player {
  private readonly example: RunningExample;
  private readonly open: RawClient[] = [];

  constructor(example: RunningExample) {
    this.example = example;
  }

  async play(step: Step): Promise<void> {
    if ("request" in step) await this.repeated(step, () => this.request(step));
    else if ("spread" in step) await this.spread(step);
    else if ("send" in step) await this.repeated(step, () => this.bytes(step));
    else if ("admin" in step) await this.admin(step);
    else if ("log" in step) await until(() => check(this.example.accessLog, step.log, "the log"));
    else this.example.edit(step.edit, step.replace, step.by);
  }

  end(): void {
    for (const client of this.open) client.destroy();
  }

  private repeated(step: { readonly eventually?: true }, run: () => Promise<void>): Promise<void> {
    return step.eventually === true ? until(run) : run();
  }

  private async request(step: RequestStep): Promise<void> {
    const { status, headers, body } = await this.ask(step);
    assert.equal(status, step.status, `${step.request}: ${body}`);
    if (step.answer !== undefined) check(body, step.answer, step.request);
    for (const [name, wanted] of Object.entries(step.answerHeaders ?? {})) {
      const value = headers[name];
      if (wanted === null) assert.equal(value, undefined, `${name} of ${step.request}`);
      else check(String(value), wanted, `${name} of ${step.request}`);
    }
  }

  private ask(
    step: Pick<RequestStep, "request" | "headers" | "body" | "from" | "listener">,
  ): Promise<Answer> {
    const [method = "", path = ""] = step.request.split(" ");
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const outgoing = httpRequest(
      {
        port: this.example.port(step.listener),
        host: "127.0.0.1",
        method,
        path,
        agent: false,
        headers: { ...step.headers },
        ...(step.from === undefined ? {} : { localAddress: step.from }),
      },
      (response) => {
        let body = "";
        response.setEncoding("latin1").on("data", (piece: string) => {
          body += piece;
        });
        const { statusCode: status = 0, headers } = response;
        response.on("end", () => resolve({ status, headers, body }));
        response.on("error", reject);
      },
    );
    outgoing.setTimeout(WITHIN_MS, () => outgoing.destroy(new Error(`${step.request}: no answer`)));
    outgoing.on("error", reject);
    outgoing.end(step.body);
    return promise;
  }

  private async spread(step: SpreadStep): Promise<void> {
    const seen = new Map<string, number>();
    for (let i = 0; i < step.times; i++) {
      const answer = await this.one(step);
      const words = Object.keys(step.counts).filter((word) => answer.includes(word));
      assert.equal(words.length, 1, `unexpected answer ${answer}`);
      seen.set(words[0]!, (seen.get(words[0]!) ?? 0) + 1);
    }
    for (const [word, [least, most]] of Object.entries(step.counts)) {
      const count = seen.get(word) ?? 0;
      assert.ok(least <= count && count <= most, `${word}: ${count} of ${step.times}`);
    }
  }

  private async one(step: SpreadStep): Promise<string> {
    if (step.kind === "http") return (await this.ask({ ...step, request: step.spread })).body;
    const client = await this.connect(step);
    await client.send(step.spread);
    const text = await client.readUntil(step.spread, WITHIN_MS);
    client.destroy();
    return text;
  }

  private async bytes(step: BytesStep): Promise<void> {
    const client = await this.connect(step);
    await client.send(step.send);
    await this.receive(client, step.receive);
    if (step.thenSend !== undefined) await client.send(step.thenSend);
    if (step.thenReceive !== undefined) await this.receive(client, step.thenReceive);
    if (step.ends === true) assert.notEqual(await client.waitForEnd(WITHIN_MS), "open");
    if (step.keep === true) this.open.push(client);
    else client.destroy();
  }

  private async receive(client: RawClient, wanted: Expected): Promise<void> {
    if (typeof wanted === "string") {
      if (wanted === "") return;
      assert.ok(
        (await client.readUntil(wanted, WITHIN_MS)).endsWith(wanted),
        `not received: ${wanted}`,
      );
      return;
    }
    await client.waitForEnd(WITHIN_MS);
    check(client.unread, wanted, "bytes");
  }

  private connect(step: {
    readonly listener?: string;
    readonly from?: string;
  }): Promise<RawClient> {
    const port = this.example.port(step.listener);
    return RawClient.connect(step.from === undefined ? { port } : { port, from: step.from });
  }

  private async admin(step: AdminStep): Promise<void> {
    const [method = "", path = ""] = step.admin.split(" ");
    await until(async () => {
      const { status, body } = await this.example.admin(method, path);
      assert.equal(status, step.status ?? 200, body);
      if (step.matches !== undefined) assert.match(body, step.matches);
      if (step.lacks !== undefined) assert.doesNotMatch(body, step.lacks);
    });
  }
}

function check(text: string, wanted: Expected, what: string): void {
  if (typeof wanted === "string") assert.equal(text, wanted, what);
  else assert.match(text, wanted, what);
}

/** Tries again until it holds, and fails with its last complaint when the time is over. */
async function until(run: () => void | Promise<void>): Promise<void> {
  const deadline = performance.now() + WITHIN_MS;
  for (;;) {
    try {
      return await run();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await delay(10);
    }
  }
}
