export const run = (): string => 'not the default export';
