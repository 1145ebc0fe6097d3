/** For a thread: the run of a seed. */
import { planOf } from './plan.ts';
import { simulate, type Outcome } from './simulation.ts';

export default (seed: number): Promise<Outcome> => simulate(planOf(seed));
