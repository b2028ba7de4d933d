// The hash of hash policies.
import { XxHash64 } from "../../../src/base/xxhash64.ts";
import { bench } from "../../kit/micro.ts";

const hasher = new XxHash64();
const long = "0123456789".repeat(10);
bench("XxHash64.hash, 10 bytes", () => hasher.hash("192.0.2.10"), { allocatedBytesMax: 0 });
bench("XxHash64.hash, 100 bytes", () => hasher.hash(long), { allocatedBytesMax: 0 });
bench("XxHash64.toBigInt", () => hasher.toBigInt());
