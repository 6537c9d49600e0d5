/** What is said of one command: its lines of the whole usage, with those that go on below them. Undefined where there is none. */
export function helpOf(usage: string, command: string): string | undefined {
  const lines: string[] = [];
  let isIts = false;
  for (const line of usage.split('\n')) {
    const begins = /^ {2}drawbridge (\S+)/.exec(line);
    if (begins !== null) isIts = begins[1] === command;
    else if (!line.startsWith('   ')) isIts = false;
    if (isIts) lines.push(line);
  }
  return lines.length === 0 ? undefined : lines.join('\n');
}

/** Node's refusal of an option, in a sentence that says where to look. */
export function optionProblem(message: string, command: string | undefined): string {
  const unknown = /^Unknown option '([^']*)'/.exec(message)?.[1];
  const said = unknown === undefined ? message.replace(/\n[^]*|\.$/g, '') : `There is no option "${unknown}"`;
  return `${said}. Run "drawbridge help${command === undefined ? '' : ` ${command}`}" for those there are.`;
}
