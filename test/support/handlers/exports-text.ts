export default 'a handler it is not';
