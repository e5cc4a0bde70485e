package judge

// Shared is work that several checks of a room rest on: it is done once a
// case, by the first that asks. key is a type of the caller's own room. What
// it answers is shared and must not be written to.
func Shared[T any](c *Case, key any, work func() T) T {
	if known, ok := c.shared[key]; ok {
		return known.(T)
	}
	if c.shared == nil {
		c.shared = make(map[any]any)
	}
	value := work()
	c.shared[key] = value
	return value
}
