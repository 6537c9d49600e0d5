import { startAccessEdge } from '../fakes/access-edge.ts';

/** The stand-in edge as a program of its own, to run in a network namespace. Arguments: folder, sshd's port, its own address. */
const [folder = '', sshdPort = '', address = ''] = process.argv.slice(2);
const { port, ca, token } = await startAccessEdge(folder, Number(sshdPort), address);
process.stdout.write(`${JSON.stringify({ port, ca, token })}\n`);
