// Addresses: parsing, one range, a trie of a thousand ranges.
import { CidrTrie, parseCidrRange } from "../../../src/base/cidr.ts";
import { parseIpv4, parseIpv6 } from "../../../src/base/ip-address.ts";
import { bench } from "../../kit/micro.ts";

const words = new Uint32Array(4);
const ips = ["10.1.2.3", "192.168.200.201", "8.8.8.8", "172.16.5.4"];
bench("parseIpv4", (i) => parseIpv4(ips[i & 3]!), { allocatedBytesMax: 12 });
bench("parseIpv6", () => parseIpv6("2001:db8::8a2e:370:7334", words), { allocatedBytesMax: 0 });

const range = parseCidrRange("10.0.0.0", 8)!;
bench("CidrRange.contains", (i) => range.contains(ips[i & 3]!), { allocatedBytesMax: 0 });

const trie = new CidrTrie<number>();
for (let at = 0; at < 1000; at++) trie.add(parseCidrRange(`10.${at >> 8}.${at & 255}.0`, 24)!, at);
bench("CidrTrie.longest among 1000", (i) => trie.longest(ips[i & 3]!), { allocatedBytesMax: 0 });
bench("CidrTrie.all among 1000", (i) => trie.all(ips[i & 3]!));
