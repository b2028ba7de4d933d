// hot: per request
/**
 * Matches whole texts against a parsed pattern with a lazily built deterministic automaton: one
 * table read per character, and never more than one pass over the program per character, whatever
 * the input.
 */
import type { CharacterSet, SyntaxNode } from "./regex-syntax.ts";

/** A character above 127: the caller asks an engine that knows UTF-8. */
export const NOT_ASCII = -1;
const NO = 0;
const YES = 1;

const SPLIT = 0;
const SET = 1;
const MATCH = 2;

const PROGRAM_MAX = 2000;
const STATES_MAX = 256;
const UNKNOWN = 0;
const DEAD = 1;
const START = 2;

/** Instructions of a nondeterministic automaton. */
class Program {
  readonly ops: number[] = [];
  /** SPLIT: both targets. SET: the next instruction and the index of the set. */
  readonly first: number[] = [];
  readonly second: number[] = [];
  readonly sets: CharacterSet[] = [];

  /** Adds the instructions of a node before `next`; returns where they begin, −1 when too many. */
  add(node: SyntaxNode, next: number): number {
    if (next < 0 || this.ops.length > PROGRAM_MAX) return -1;
    switch (node.kind) {
      case "set":
        return this.emit(SET, next, this.addSet(node.set));
      case "sequence":
        return node.items.reduceRight((target, item) => this.add(item, target), next);
      case "choice":
        return this.choose(node.items.map((item) => this.add(item, next)));
      case "repeat":
        return this.repeat(node.item, node.min, node.max, next);
    }
  }

  emit(op: number, first: number, second: number): number {
    this.ops.push(op);
    this.first.push(first);
    this.second.push(second);
    return this.ops.length - 1;
  }

  private addSet(set: CharacterSet): number {
    this.sets.push(set);
    return this.sets.length - 1;
  }

  private choose(targets: readonly number[]): number {
    if (targets.includes(-1)) return -1;
    return targets.reduceRight((rest, target) => this.emit(SPLIT, target, rest));
  }

  private repeat(item: SyntaxNode, min: number, max: number, next: number): number {
    let target = next;
    if (max < 0) {
      const loop = this.emit(SPLIT, -1, next);
      const body = this.add(item, loop);
      if (body < 0) return -1;
      this.first[loop] = body;
      target = loop;
    } else {
      for (let count = min; count < max; count++) {
        const body = this.add(item, target);
        if (body < 0) return -1;
        target = this.emit(SPLIT, body, next);
      }
    }
    for (let count = 0; count < min; count++) target = this.add(item, target);
    return target;
  }
}

/** A pattern, ready to run. */
export class RegexAutomaton {
  private readonly program: Program;
  private readonly entry: number;
  /** Characters that no set tells apart share a class. */
  private readonly classOf: Uint8Array;
  private readonly classes: number;
  /** One character of each class. */
  private readonly examples: readonly number[];
  /** Row per state, column per class: the next state. */
  private readonly table: Uint16Array;
  private readonly accepting: Uint8Array = new Uint8Array(STATES_MAX);
  /** Instructions of each state, sorted; SET and MATCH only. */
  private readonly states: number[][] = [];
  private readonly stateByKey: Map<string, number> = new Map();
  private readonly marks: Uint32Array;
  private mark = 0;

  private constructor(program: Program, entry: number) {
    this.program = program;
    this.entry = entry;
    this.classOf = new Uint8Array(128);
    this.examples = classify(program.sets, this.classOf);
    this.classes = this.examples.length;
    this.table = new Uint16Array(STATES_MAX * this.classes);
    this.marks = new Uint32Array(program.ops.length);
    this.clear();
  }

  /** Null when the pattern is too large. */
  static build(node: SyntaxNode): RegexAutomaton | null {
    const program = new Program();
    const entry = program.add(node, program.emit(MATCH, 0, 0));
    return entry < 0 || program.ops.length > PROGRAM_MAX
      ? null
      : new RegexAutomaton(program, entry);
  }

  /** 1 when the whole text matches, 0 when not, NOT_ASCII when this automaton cannot tell. */
  run(text: string): number {
    const { table, classOf, classes } = this;
    let state = START;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code > 127) return NOT_ASCII;
      const column = classOf[code]!;
      let next = table[state * classes + column]!;
      if (next === UNKNOWN) next = this.step(state, column);
      if (next === DEAD) return NO;
      state = next;
    }
    return this.accepting[state] === 1 ? YES : NO;
  }

  private clear(): void {
    this.table.fill(UNKNOWN);
    this.stateByKey.clear();
    this.states.length = 0;
    this.states.push([], []);
    this.mark++;
    const start: number[] = [];
    this.follow(this.entry, start);
    this.addState(start);
  }

  private step(state: number, column: number): number {
    const { program } = this;
    const code = this.examples[column]!;
    const reached: number[] = [];
    this.mark++;
    for (const at of this.states[state]!) {
      if (program.ops[at] !== SET || program.sets[program.second[at]!]![code] === 0) continue;
      this.follow(program.first[at]!, reached);
    }
    if (reached.length === 0) {
      this.table[state * this.classes + column] = DEAD;
      return DEAD;
    }
    if (this.states.length === STATES_MAX) {
      // Start over: memory stays bounded, and so does the work per character.
      this.clear();
      return this.addState(reached);
    }
    const next = this.addState(reached);
    this.table[state * this.classes + column] = next;
    return next;
  }

  /** Adds what can be reached without a character. */
  private follow(from: number, reached: number[]): void {
    const { program, marks, mark } = this;
    const pending = [from];
    while (pending.length > 0) {
      const at = pending.pop()!;
      if (marks[at] === mark) continue;
      marks[at] = mark;
      if (program.ops[at] === SPLIT) pending.push(program.second[at]!, program.first[at]!);
      else reached.push(at);
    }
  }

  private addState(instructions: number[]): number {
    instructions.sort((a, b) => a - b);
    const key = instructions.join();
    const known = this.stateByKey.get(key);
    if (known !== undefined) return known;
    const state = this.states.length;
    this.states.push(instructions);
    this.stateByKey.set(key, state);
    // The match instruction is the first of the program.
    this.accepting[state] = instructions[0] === 0 ? 1 : 0;
    return state;
  }
}

/** Fills `classOf`; returns one character per class. */
function classify(sets: readonly CharacterSet[], classOf: Uint8Array): number[] {
  const classByKey = new Map<string, number>();
  const examples: number[] = [];
  for (let code = 0; code < 128; code++) {
    let key = "";
    for (const set of sets) key += set[code] === 1 ? "1" : "0";
    let found = classByKey.get(key);
    if (found === undefined) {
      found = examples.length;
      classByKey.set(key, found);
      examples.push(code);
    }
    classOf[code] = found;
  }
  return examples;
}
