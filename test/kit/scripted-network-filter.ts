// Network filters for tests: one that answers with its own name, and one that a test drives.
import {
  defineNetworkFilter,
  type NetworkFilter,
  type NetworkFilterCallbacks,
  type NetworkFilterContext,
  type NetworkFilterStatus,
  type NetworkFilterType,
} from "../../src/network/network-filter.ts";

export const ECHO_MESSAGE = "test.Echo";

/** Terminal: sends `<tag>:` and everything it gets. Closes on "quit". */
export function echoFilterType(contexts: NetworkFilterContext[] = []): NetworkFilterType {
  return defineNetworkFilter<{ tag?: string }, { tag: string }>({
    name: "test.echo",
    messages: [ECHO_MESSAGE],
    terminal: true,
    compile: ({ tag = "" }) => ({ tag }),
    createFactory: ({ tag }, context) => {
      contexts.push(context);
      return { name: "test.echo", create: (callbacks) => new EchoFilter(tag, callbacks) };
    },
  });
}

class EchoFilter implements NetworkFilter {
  private readonly tag: string;
  private readonly callbacks: NetworkFilterCallbacks;

  constructor(tag: string, callbacks: NetworkFilterCallbacks) {
    this.tag = tag;
    this.callbacks = callbacks;
  }

  onData(bytes: Buffer, endStream: boolean): NetworkFilterStatus {
    const { connection } = this.callbacks;
    const text = bytes.toString("latin1");
    connection.write(`${this.tag === "" ? "" : `${this.tag}:`}${text}`);
    if (text === "quit" || endStream) connection.close("flush-write");
    return "stop";
  }
}

export const SCRIPTED_MESSAGE = "test.Scripted";

/** A filter whose answers the test gives; it writes what happens to `events`. */
export class ScriptedFilter implements NetworkFilter {
  readonly callbacks: NetworkFilterCallbacks;
  private readonly script: FilterScript;

  constructor(script: FilterScript, callbacks: NetworkFilterCallbacks) {
    this.script = script;
    this.callbacks = callbacks;
    script.instances.push(this);
  }

  onNewConnection(): NetworkFilterStatus {
    this.script.events.push(`${this.script.name} new`);
    return this.script.atNewConnection;
  }

  onData(bytes: Buffer, endStream: boolean): NetworkFilterStatus {
    this.script.events.push(
      `${this.script.name} ${bytes.toString("latin1")}${endStream ? "|" : ""}`,
    );
    return this.script.atData;
  }

  onConnectionClose(source: string): void {
    this.script.events.push(`${this.script.name} closed by ${source}`);
  }

  onDestroy(): void {
    this.script.events.push(`${this.script.name} destroyed`);
  }
}

export interface FilterScript {
  readonly name: string;
  readonly events: string[];
  readonly instances: ScriptedFilter[];
  atNewConnection: NetworkFilterStatus;
  atData: NetworkFilterStatus;
}

/** A filter type whose message is `test.Scripted.<name>`. */
export function scriptedFilterType(script: FilterScript, terminal: boolean): NetworkFilterType {
  return defineNetworkFilter<object, object>({
    name: `test.${script.name}`,
    messages: [`${SCRIPTED_MESSAGE}.${script.name}`],
    terminal,
    compile: () => ({}),
    createFactory: () => ({
      name: script.name,
      create: (callbacks) => new ScriptedFilter(script, callbacks),
    }),
  });
}
