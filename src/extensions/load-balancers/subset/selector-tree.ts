/** Finds the selector of a set of keys. Envoy: `SubsetLoadBalancer::initSubsetSelectorMap`. */
import type { SelectorConfig } from "./config.ts";

interface Node {
  selector: SelectorConfig | null;
  readonly children: Map<string, Node>;
}

export class SelectorTree {
  private readonly root: Node = { selector: null, children: new Map() };

  /**
   * A selector counts only when it makes the last node of its keys itself: after one with more keys
   * it does not, nor the second one with the same keys (Envoy: the same).
   */
  constructor(selectors: readonly SelectorConfig[]) {
    for (const selector of selectors) {
      let node = this.root;
      selector.keys.forEach((key, index) => {
        let child = node.children.get(key);
        if (child === undefined) {
          const last = index === selector.keys.length - 1;
          child = { selector: last ? selector : null, children: new Map() };
          node.children.set(key, child);
        }
        node = child;
      });
    }
  }

  /** `keys` are sorted. Null when no selector has just these. */
  find(keys: readonly string[]): SelectorConfig | null {
    let node: Node | undefined = this.root;
    for (const key of keys) {
      node = node.children.get(key);
      if (node === undefined) return null;
    }
    return node.selector;
  }
}
