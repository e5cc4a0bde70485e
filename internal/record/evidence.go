package record

import (
	"context"
	"errors"
	"fmt"

	"github.com/holdfastdns/holdfast"
)

// evidence is a measurement made ready to be stored: all that can be worked
// out before the database is asked what it has already.
type evidence struct {
	id       string
	zone     holdfast.Name
	depth    holdfast.Depth
	sweep    string
	base     string
	started  int64 // milliseconds
	planHash hash
	plan     []byte
	hash     hash // of the outcome
	outcome  outcome
	look     []byte
}

func prepare(m holdfast.Measurement) (evidence, error) {
	if m.ID == "" || m.Subject.Zone == "" {
		return evidence{}, errors.New("it lacks an id or a zone")
	}
	if len(m.Exchanges) > maxExchanges {
		return evidence{}, fmt.Errorf("it has %d exchanges; at most %d can be kept", len(m.Exchanges), maxExchanges)
	}
	p, drawn := planOf(m)
	plan, err := p.encode()
	if err != nil {
		return evidence{}, err
	}
	o, err := outcomeOf(m.Exchanges)
	if err != nil {
		return evidence{}, err
	}
	e := evidence{
		id: m.ID, zone: m.Subject.Zone, depth: m.Depth, sweep: m.Sweep, base: m.Base, started: millis(m.Started),
		planHash: hashOf(plan), plan: plan, outcome: o,
		look: lookOf(m, drawn).encode(p, o),
	}
	e.hash = o.hash(e.planHash)
	return e, nil
}

// Measured records a measurement, as yet unjudged. It is durable when Measured
// returns. Callers at the same time share one commit. A measurement that is
// recorded already is left as it is.
//
// A core measurement is given as it was asked, without what Compose would add;
// it should name its base, which should be recorded before it. Where the base
// is unknown here the measurement is kept all the same, and stays incomplete.
func (r *Record) Measured(ctx context.Context, m holdfast.Measurement) error {
	act := "record measurement " + m.ID
	e, err := prepare(m)
	if err != nil {
		return fmt.Errorf("%s of %s: %w", act, m.Subject.Zone, err)
	}
	return r.write(ctx, act, func(b *batch) error { return b.keep(&e) })
}

// keep stores a measurement.
func (b *batch) keep(e *evidence) error {
	zone, err := b.zone(e.zone)
	if err != nil {
		return err
	}
	sweep, err := b.sweep(e.sweep, e.started)
	if err != nil {
		return err
	}
	outcome, err := b.outcome(e)
	if err != nil {
		return err
	}
	base, baseName, err := b.base(e.base)
	if err != nil {
		return err
	}
	added, err := b.insert(`INSERT INTO look (id, zone, sweep, started, outcome, base, base_name, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO NOTHING`, packID(e.id), zone, sweep, e.started, outcome, base, baseName, e.look)
	if err != nil {
		return err
	}
	if n, err := added.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, b.sameLook(e, zone, outcome))
	}
	key, err := added.LastInsertId()
	if err != nil {
		return err
	}
	if err := b.use(outcomeUse, outcome); err != nil {
		return err
	}
	if base, ok := base.(int64); ok {
		if err := b.use(baseUse, base); err != nil {
			return err
		}
	}
	if err := b.exec("INSERT INTO unjudged (look) VALUES (?)", key); err != nil {
		return err
	}
	return b.exec(`INSERT INTO latest (zone, depth, look, started) VALUES (?, ?, ?, ?)
		ON CONFLICT (zone, depth) DO UPDATE SET look = excluded.look, started = excluded.started WHERE excluded.started >= started`,
		zone, string(e.depth), key, e.started)
}

// sameLook is nil where the look recorded under the same id is the same one:
// its caller was not told of success, and tried again.
func (b *batch) sameLook(e *evidence, zone, outcome int64) error {
	var z, started, o int64
	err := b.get("SELECT zone, started, outcome FROM look WHERE id = ?", []any{packID(e.id)}, &z, &started, &o)
	if err == nil && (z != zone || started != e.started || o != outcome) {
		return errors.New("another measurement has this id already")
	}
	return err
}

// zone answers the key of a zone, made where it is new.
func (b *batch) zone(name holdfast.Name) (key int64, err error) {
	err = b.get("SELECT key FROM zone WHERE name = ?", []any{string(name)}, &key)
	if errors.Is(err, ErrNotFound) {
		return b.add("INSERT INTO zone (name) VALUES (?)", string(name))
	}
	return key, err
}

// sweep answers the key of a sweep, made as a bare name where it was not
// begun here; nil for "".
func (b *batch) sweep(id string, started int64) (any, error) {
	if id == "" {
		return nil, nil
	}
	var key int64
	err := b.get("SELECT key FROM sweep WHERE id = ?", []any{id}, &key)
	if errors.Is(err, ErrNotFound) {
		return b.add("INSERT INTO sweep (id, started) VALUES (?, ?)", id, started*1e6)
	}
	return key, err
}

// base answers the key of a measurement, or its name where it is not recorded.
func (b *batch) base(id string) (key, name any, err error) {
	if id == "" {
		return nil, nil, nil
	}
	var found int64
	err = b.get("SELECT key FROM look WHERE id = ?", []any{packID(id)}, &found)
	if errors.Is(err, ErrNotFound) {
		return nil, id, nil
	}
	return found, nil, err
}

// outcome answers the key of the measurement's outcome; it is stored, with the
// plan and the messages that are new, where no look had the same.
func (b *batch) outcome(e *evidence) (key int64, err error) {
	err = b.get("SELECT key FROM outcome WHERE hash = ?", []any{e.hash[:]}, &key)
	if !errors.Is(err, ErrNotFound) {
		return key, err
	}
	plan, err := b.plan(e)
	if err != nil {
		return 0, err
	}
	if err := b.messages(e.outcome); err != nil {
		return 0, err
	}
	data := squeeze(e.outcome.encode(func(end ending) int64 { return end.reply }))
	key, err = b.add("INSERT INTO outcome (hash, plan, exchanges, data) VALUES (?, ?, ?, ?)", e.hash[:], plan, len(e.outcome), data)
	if err != nil {
		return 0, err
	}
	for pack := range e.outcome.packs() {
		if err := b.use(packUse, pack); err != nil {
			return 0, err
		}
	}
	return key, b.use(planUse, plan)
}

func (b *batch) plan(e *evidence) (key int64, err error) {
	err = b.get("SELECT key FROM plan WHERE hash = ?", []any{e.planHash[:]}, &key)
	if errors.Is(err, ErrNotFound) {
		return b.add("INSERT INTO plan (hash, data) VALUES (?, ?)", e.planHash[:], squeeze(e.plan))
	}
	return key, err
}

// messages gives each reply of the outcome its number, and stores those that
// are new.
func (b *batch) messages(o outcome) error {
	numbers := map[hash]int64{}
	var fresh [][]byte
	var hashes []hash
	for k := range o {
		h := o[k].formHash
		if _, known := numbers[h]; known || o[k].form == nil {
			continue
		}
		var number int64
		err := b.get("SELECT number FROM message WHERE hash = ?", []any{h[:]}, &number)
		if errors.Is(err, ErrNotFound) {
			fresh, hashes = append(fresh, o[k].form), append(hashes, h)
		} else if err != nil {
			return err
		}
		numbers[h] = number
	}
	if err := b.addMessages(fresh, hashes, numbers); err != nil {
		return err
	}
	for k := range o {
		if o[k].form != nil {
			o[k].reply = numbers[o[k].formHash]
		}
	}
	return nil
}

// packs are those in which the outcome's replies are.
func (o outcome) packs() map[int64]bool {
	packs := map[int64]bool{}
	for k := range o {
		if o[k].reply != 0 {
			packs[o[k].reply/packLength] = true
		}
	}
	return packs
}
