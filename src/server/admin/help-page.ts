/** The list of all pages: as text for /help and unknown paths, as HTML with forms for /. */
import { type AdminEndpoint, type AdminParameter, html, page, text } from "./endpoint.ts";

/** `/` and `/help`, which list the given pages and themselves. */
export function helpPages(others: readonly AdminEndpoint[]): AdminEndpoint[] {
  const pages: AdminEndpoint[] = [
    page("/", "Admin home page", () => html(homePage([...others, ...pages]))),
    page("/help", "print out list of admin commands", () => text(helpText([...others, ...pages]))),
  ];
  return pages;
}

/** Envoy's words and order. */
export function helpText(endpoints: readonly AdminEndpoint[]): string {
  const blocks = byPath(endpoints).map(({ path, help, mutates, parameters }) => {
    const head = `  ${path}${mutates ? " (POST)" : ""}: ${help}\n`;
    return head + parameters.map(parameterLine).join("");
  });
  return `admin commands are:\n${blocks.join("")}`;
}

function parameterLine({ name, help, choices }: AdminParameter): string {
  const oneOf = choices === undefined ? "" : `; One of (${choices.join(", ")})`;
  return `      ${name}: ${help}${oneOf}\n`;
}

function byPath(endpoints: readonly AdminEndpoint[]): AdminEndpoint[] {
  return [...endpoints].sort((a, b) => (a.path < b.path ? -1 : 1));
}

const STYLE = `body { font-family: system-ui, sans-serif; margin: 1.5rem; }
table { border-collapse: collapse; }
td { padding: 0.25rem 0.75rem; text-align: left; vertical-align: top; }
td.option { padding-left: 2rem; }
tr.page td { border-top: 1px solid #ccc; }
form { margin: 0; }`;

function homePage(endpoints: readonly AdminEndpoint[]): string {
  const rows = byPath(endpoints).filter(({ path }) => path !== "/");
  return [
    "<!DOCTYPE html>",
    '<html lang="en"><head><meta charset="utf-8"><title>Outrigger admin</title>',
    `<style>${STYLE}</style></head><body>`,
    "<h1>Outrigger admin</h1><table>",
    ...rows.map(pageRows),
    "</table></body></html>",
    "",
  ].join("\n");
}

function pageRows({ path, help, mutates, parameters }: AdminEndpoint): string {
  const name = escapeHtml(path.slice(1));
  const link =
    mutates || parameters.length > 0
      ? `<form id="${name}" action="${name}" method="${mutates ? "post" : "get"}"><button>${name}</button></form>`
      : `<a href="${name}">${name}</a>`;
  const head = `<tr class="page"><td>${link}</td><td>${escapeHtml(help)}</td></tr>`;
  return head + parameters.map((parameter) => parameterRow(name, parameter)).join("");
}

function parameterRow(form: string, { name, help, kind, choices = [] }: AdminParameter): string {
  const field = `form="${form}" name="${name}"`;
  const options = choices.map((choice) => `<option>${escapeHtml(choice)}</option>`).join("");
  const inputs = {
    flag: `<input type="checkbox" ${field}>`,
    text: `<input ${field}>`,
    choice: `<select ${field}>${options}</select>`,
  };
  return `<tr><td class="option"><label>${name} ${inputs[kind]}</label></td><td>${escapeHtml(help)}</td></tr>`;
}

export function escapeHtml(value: string): string {
  return value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
