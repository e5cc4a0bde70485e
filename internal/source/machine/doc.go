// Package machine looks at a machine by its files, running or not: a root folder,
// a container image, a package, a tree of source. It finds the validating
// resolvers that are set up there and the root keys that lie in files, and
// writes nothing.
package machine
