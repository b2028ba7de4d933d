// Source files without a test of their own, and the suite that covers them. A path ending in a
// slash stands for the folder. A suite is a test file or a folder of tests.

export const TWINS_BY_SUITE: Readonly<Record<string, string>> = {};
