package record

import "errors"

// counter is one of the tables that count how often a thing is used. They and
// what they count are changed in one transaction, so they are right after any
// crash.
type counter struct{ add, take, read, end string }

func counterOf(table string) counter {
	return counter{
		add:  "INSERT INTO " + table + " (key, uses) VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET uses = uses + 1",
		take: "UPDATE " + table + " SET uses = uses - 1 WHERE key = ?",
		read: "SELECT uses FROM " + table + " WHERE key = ?",
		end:  "DELETE FROM " + table + " WHERE key = ?",
	}
}

var (
	planUse    = counterOf("plan_use")
	packUse    = counterOf("pack_use")
	outcomeUse = counterOf("outcome_use")
	baseUse    = counterOf("base_use")
)

// use counts one use more.
func (b *batch) use(c counter, key int64) error { return b.exec(c.add, key) }

// release counts one use less, and says whether it was the last.
func (b *batch) release(c counter, key int64) (last bool, err error) {
	if err := b.exec(c.take, key); err != nil {
		return false, err
	}
	var uses int64
	err = b.get(c.read, []any{key}, &uses)
	if errors.Is(err, ErrNotFound) {
		return true, nil
	}
	if err != nil || uses > 0 {
		return false, err
	}
	return true, b.exec(c.end, key)
}
