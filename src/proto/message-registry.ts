/**
 * Every message and enum type of the generated descriptor, parsed one by one as they are asked for.
 */
import type { StoredDescriptor, StoredEnum, StoredMessage } from "./descriptor.ts";
import { EnumType, MessageType, type TypeSource } from "./message-type.ts";

/** What control planes and configuration files write in front of a type name in an Any. */
export const TYPE_URL_PREFIX = "type.googleapis.com/";

export class MessageRegistry implements TypeSource {
  private readonly stored: StoredDescriptor;
  private readonly messages = new Map<string, MessageType>();
  private readonly enums = new Map<string, EnumType>();

  constructor(stored: StoredDescriptor) {
    this.stored = stored;
  }

  message(name: string): MessageType | null {
    const known = this.messages.get(name);
    if (known !== undefined) return known;
    if (!Object.hasOwn(this.stored.messages, name)) return null;
    const text = this.stored.messages[name] as string;
    const type = new MessageType(name, JSON.parse(text) as StoredMessage, this);
    this.messages.set(name, type);
    return type;
  }

  enum(name: string): EnumType | null {
    const known = this.enums.get(name);
    if (known !== undefined) return known;
    if (!Object.hasOwn(this.stored.enums, name)) return null;
    const type = new EnumType(name, JSON.parse(this.stored.enums[name] as string) as StoredEnum);
    this.enums.set(name, type);
    return type;
  }

  /**
   * A type that the caller knows to exist. Throws on a name that the descriptor lacks: a
   * programming error.
   */
  require(name: string): MessageType {
    const type = this.message(name);
    if (type === null) throw new Error(`The descriptor lacks message ${name}`);
    return type;
  }

  /** The type that a type URL names, e.g. `type.googleapis.com/envoy.config.cluster.v3.Cluster`. */
  messageOfUrl(typeUrl: string): MessageType | null {
    return this.message(typeUrl.slice(typeUrl.lastIndexOf("/") + 1));
  }

  /** The v3 name of a message of Envoy's v2 API, or null. */
  successorOf(name: string): string | null {
    const successors = JSON.parse(this.stored.successors) as Record<string, string>;
    return Object.hasOwn(successors, name) ? (successors[name] ?? null) : null;
  }

  messageNames(): readonly string[] {
    return Object.keys(this.stored.messages);
  }
}

/**
 * Loads the generated descriptor (half a megabyte, a few milliseconds). Run `npm run generate`
 * first.
 */
export async function loadRegistry(): Promise<MessageRegistry> {
  const module = await import("./generated/descriptor.json", { with: { type: "json" } });
  return new MessageRegistry(module.default as StoredDescriptor);
}
