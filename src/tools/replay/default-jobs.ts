// How many scenarios are played at the same time where nobody says otherwise.

export const DEFAULT_JOBS = 8;
