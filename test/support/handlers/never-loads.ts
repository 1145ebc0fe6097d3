await new Promise(() => undefined);
export default (): string => 'never';
