// Bytes to text and back, against Buffer's own methods with their argument handling.
import { latin1Slice, latin1Write } from "../../../src/base/latin1.ts";
import { bench } from "../../kit/micro.ts";

const bytes = Buffer.from("x-request-id: 8c7d9a4e-1f2b-4c3d-9e8f-7a6b5c4d3e2f\r\n", "latin1");
const text = bytes.toString("latin1");

bench("latin1Slice, 12 of 52 bytes", () => latin1Slice(bytes, 0, 12));
bench("Buffer.toString, 12 of 52 bytes", () => bytes.toString("latin1", 0, 12));
bench("latin1Write, 52 characters", () => latin1Write(bytes, text, 0), { allocatedBytesMax: 0 });
bench("Buffer.write, 52 characters", () => bytes.write(text, 0, "latin1"));
