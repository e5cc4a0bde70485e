// Package resolvers runs other people's resolvers over a lab: it writes their
// configuration with the timers of a play, starts and stops them, and reads what
// they keep. What they do it only reports.
package resolvers
