// Folding the case of hosts.
import { isAscii, lowerAscii } from "../../../src/base/ascii.ts";
import { bench } from "../../kit/micro.ts";

const hosts = ["api.example.com", "Api.Example.COM", "xn--bcher-kva.example"];
bench("lowerAscii, host", (i) => lowerAscii(hosts[i % 3]!));
bench("isAscii, host", (i) => isAscii(hosts[i % 3]!), { allocatedBytesMax: 0 });
