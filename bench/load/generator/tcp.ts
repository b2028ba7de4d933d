// Raw TCP loads: streams down and up, and connect + one byte + close.
import { connect, type Socket } from "node:net";
import type { LoadResult } from "../engines/load-result.ts";
import { streamBytes } from "../upstream.ts";
import { createHistogram, encodeHistogram, recordMicros, summarise } from "./histogram.ts";
import type { TcpJob } from "./job.ts";
import type { Ready } from "./main.ts";

const READ_BUFFER = Buffer.allocUnsafe(256 * 1024);

export async function runTcp(job: TcpJob, ready: Ready): Promise<LoadResult> {
  if (job.direction === "connect") return runConnects(job, ready);
  await ready();
  const begin = performance.now();
  const outcomes: number[] = [];
  const slot = async (): Promise<void> => {
    for (let turn = 0; turn < job.turns; turn++) outcomes.push(await streamOnce(job));
  };
  await Promise.all(Array.from({ length: job.connections }, slot));
  const bytes = outcomes.reduce((sum, one) => sum + one, 0);
  const wanted = job.bytes * job.connections * job.turns;
  return {
    engine: "own tcp stream",
    completed: outcomes.filter((one) => one >= job.bytes).length,
    errors: bytes >= wanted ? 0 : 1,
    seconds: (performance.now() - begin) / 1000,
    bytes,
    latencyMicros: null,
  };
}

/** Answers how many bytes went through. */
function streamOnce(job: TcpJob): Promise<number> {
  return new Promise((resolve) => {
    let received = 0;
    const goal = job.direction === "down" ? job.bytes : 1;
    const finish = (): void => {
      socket.destroy();
      resolve(job.direction === "down" ? received : received > 0 ? job.bytes : 0);
    };
    const socket = dial(job.port, (bytes) => {
      received += bytes;
      if (received >= goal) finish();
    });
    socket.once("close", finish);
    socket.once("connect", () => {
      const command = Buffer.alloc(9);
      command[0] = job.direction === "down" ? 0x44 : 0x55;
      command.writeBigUInt64BE(BigInt(job.bytes), 1);
      socket.write(command);
      if (job.direction === "up") streamBytes(socket, job.bytes, () => {});
    });
  });
}

async function runConnects(job: TcpJob, ready: Ready): Promise<LoadResult> {
  const histogram = createHistogram();
  let completed = 0;
  let errors = 0;
  await ready();
  const begin = performance.now();
  const deadline = begin + job.seconds * 1000;
  const loop = async (): Promise<void> => {
    while (performance.now() < deadline) {
      const started = performance.now();
      if (await connectOnce(job.port)) {
        completed++;
        recordMicros(histogram, (performance.now() - started) * 1000);
      } else errors++;
    }
  };
  await Promise.all(Array.from({ length: job.connections }, loop));
  return {
    engine: "own tcp connect",
    completed,
    errors,
    seconds: (performance.now() - begin) / 1000,
    bytes: 0,
    latencyMicros: summarise(histogram),
    histogram: encodeHistogram(histogram),
  };
}

function connectOnce(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    let answered = false;
    const socket = dial(port, () => {
      answered = true;
      socket.end();
    });
    socket.once("connect", () => socket.write("P"));
    socket.once("close", () => resolve(answered));
  });
}

function dial(port: number, onBytes: (bytes: number) => void): Socket {
  const socket = connect({
    port,
    host: "127.0.0.1",
    noDelay: true,
    onread: {
      buffer: READ_BUFFER,
      callback: (bytes) => {
        onBytes(bytes);
        return true;
      },
    },
  });
  socket.on("error", () => socket.destroy());
  return socket;
}
