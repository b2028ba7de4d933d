// A progress line on a terminal; nothing when stderr is a file or a pipe.

export interface Progress {
  readonly show: (text: string) => void;
  readonly clear: () => void;
}

export function createProgress(): Progress {
  if (!process.stderr.isTTY) return { show: () => {}, clear: () => {} };
  const begin = performance.now();
  const write = (text: string): void => {
    process.stderr.write(`\r\u001b[2K${text}`);
  };
  return {
    show: (text) => {
      const seconds = Math.round((performance.now() - begin) / 1000);
      const line = `${seconds} s  ${text}`;
      write(line.slice(0, (process.stderr.columns ?? 80) - 1));
    },
    clear: () => write(""),
  };
}
