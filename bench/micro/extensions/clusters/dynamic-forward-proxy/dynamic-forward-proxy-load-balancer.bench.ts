// Finding the host of a dynamic forward proxy cluster by the Host header, among 1,000 names.
import { RequestHeaderMap } from "../../../../../src/codec/header-map.ts";
import { DynamicForwardProxyLoadBalancer } from "../../../../../src/extensions/clusters/dynamic-forward-proxy/dynamic-forward-proxy-load-balancer.ts";
import type { CachedHost } from "../../../../../src/extensions/common/dynamic-forward-proxy/cached-host.ts";
import type { DnsCache } from "../../../../../src/extensions/common/dynamic-forward-proxy/dns-cache.ts";
import type { Host } from "../../../../../src/upstream/host.ts";
import { EMPTY_CONTEXT } from "../../../../../src/upstream/load-balancer.ts";
import { bench } from "../../../../kit/micro.ts";

const balancer = new DynamicForwardProxyLoadBalancer({} as DnsCache);
const contexts = Array.from({ length: 1000 }, (_, index) => {
  const key = `service-${index}.example.com:8080`;
  const cached = { key, touch: () => undefined } as unknown as CachedHost;
  balancer.add(cached, { healthFlags: () => 0 } as Host);
  const requestHeaders = new RequestHeaderMap();
  requestHeaders.authority = key;
  return { ...EMPTY_CONTEXT, requestHeaders };
});
let next = 0;
bench(
  "DynamicForwardProxyLoadBalancer, by Host",
  () => {
    next = (next + 1) % contexts.length;
    return balancer.chooseHost(contexts[next]!);
  },
  // The text of the port.
  { allocatedBytesMax: 200 },
);
