/** Changes of request headers before routing. Envoy: `Http::EarlyHeaderMutation`. */
import type { HeaderMap } from "../codec/header-map.ts";
import type { FormatterContext } from "../route/formatter.ts";

export interface EarlyHeaderMutation {
  apply(headers: HeaderMap, context: FormatterContext): void;
}
