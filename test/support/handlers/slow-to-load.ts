await new Promise((resolve) => setTimeout(resolve, 400));
export default (): string => 'loaded';
