/** The HTTP filters that configuration can name, found by the messages they accept. */
import type { RouteFilterType, RouteFilterTypes } from "../route/per-filter-config.ts";
import type { HttpFilterType } from "./http-filter-factory.ts";

export class HttpFilterCatalogue implements RouteFilterTypes {
  private readonly byMessage = new Map<string, HttpFilterType>();
  private readonly byRouteMessage = new Map<string, HttpFilterType>();

  constructor(types: readonly HttpFilterType[]) {
    for (const type of types) {
      for (const message of type.messages) this.byMessage.set(message, type);
      for (const message of type.routeMessages) this.byRouteMessage.set(message, type);
    }
  }

  /** By full message name, without the type.googleapis.com prefix. */
  forMessage(messageName: string): HttpFilterType | undefined {
    return this.byMessage.get(messageName);
  }

  forRouteMessage(messageName: string): RouteFilterType | undefined {
    return this.byRouteMessage.get(messageName);
  }

  /** All message names, for "nearest name" remedies. */
  get messages(): readonly string[] {
    return [...this.byMessage.keys()];
  }
}
