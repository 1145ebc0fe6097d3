/** Reads what a source declares, so that a page can be held against it. */
import { readFile } from 'node:fs/promises';
import ts from 'typescript';

export interface Field {
  readonly name: string;
  /** The text of its `@default`. */
  readonly otherwise: string | undefined;
}

/** The members of an interface. */
export async function fieldsOf(file: string, name: string): Promise<Field[]> {
  const { source, statement } = await find(file, name, ts.isInterfaceDeclaration);
  return statement.members.map((member) => {
    const tag = ts.getJSDocTags(member).find(({ tagName }) => tagName.text === 'default');
    const text = tag === undefined ? undefined : ts.getTextOfJSDocComment(tag.comment);
    return { name: member.name?.getText(source) ?? '', otherwise: text?.trim() };
  });
}

/** The words of a union of texts. */
export async function wordsOf(file: string, name: string): Promise<string[]> {
  const { source, statement } = await find(file, name, ts.isTypeAliasDeclaration);
  return [...statement.type.getText(source).matchAll(/'([^']+)'/g)].map(([, word = '']) => word);
}

async function find<Statement extends ts.InterfaceDeclaration | ts.TypeAliasDeclaration>(
  file: string,
  name: string,
  isKind: (node: ts.Node) => node is Statement,
): Promise<{ readonly source: ts.SourceFile; readonly statement: Statement }> {
  const source = ts.createSourceFile(file, await readFile(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const statement = source.statements.filter(isKind).find((candidate) => candidate.name.text === name);
  if (statement === undefined) throw new Error(`${file} declares no ${name}.`);
  return { source, statement };
}
