package record

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
)

const (
	// packLength and packBytes bound a pack: reading one message expands all
	// of its pack, and a pack lives as long as one of its messages is named.
	// packLength is part of the format: a message's number is made of it.
	packLength = 64
	packBytes  = 256 << 10
	// packsCached is how many expanded packs are kept for readers: those of a
	// zone's full look, several times over. Some 10 KB each.
	packsCached = 256
)

// encodePack writes messages that came home together, which have much in
// common, as one compressed blob.
func encodePack(forms [][]byte) []byte {
	out := appendCount(nil, len(forms))
	for _, form := range forms {
		out = appendCount(out, len(form))
	}
	for _, form := range forms {
		out = append(out, form...)
	}
	return squeeze(out)
}

func decodePack(data []byte) ([][]byte, error) {
	raw, err := expand(data)
	if err != nil {
		return nil, fmt.Errorf("decode pack: %w", err)
	}
	r := &reader{data: raw}
	forms := make([][]byte, r.count(packLength))
	lengths := make([]int, len(forms))
	for i := range lengths {
		lengths[i] = r.index(maxMessage + 16)
	}
	for i := range forms {
		forms[i] = r.take(lengths[i])
	}
	if err := r.end(); err != nil {
		return nil, fmt.Errorf("decode pack: %w", err)
	}
	return forms, nil
}

// addMessages stores messages that are new, and enters their numbers.
func (b *batch) addMessages(forms [][]byte, hashes []hash, numbers map[hash]int64) error {
	for len(forms) > 0 {
		n, size := 0, 0
		for n < len(forms) && n < packLength && (n == 0 || size+len(forms[n]) <= packBytes) {
			size += len(forms[n])
			n++
		}
		pack, err := b.add("INSERT INTO pack (data) VALUES (?)", encodePack(forms[:n]))
		if err != nil {
			return err
		}
		for i, h := range hashes[:n] {
			numbers[h] = pack*packLength + int64(i)
			if err := b.exec("INSERT INTO message (hash, number) VALUES (?, ?)", h[:], numbers[h]); err != nil {
				return err
			}
		}
		forms, hashes = forms[n:], hashes[n:]
	}
	return nil
}

// packCache keeps expanded packs for readers, since the replies of one look
// lie in few. A key means the same pack for ever, so nothing in it grows stale.
type packCache struct {
	mutex sync.Mutex
	packs map[int64][][]byte // guarded by mutex
}

func (c *packCache) get(pack int64) [][]byte {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.packs[pack]
}

// put keeps a pack; a full cache starts anew.
func (c *packCache) put(pack int64, forms [][]byte) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.packs == nil || len(c.packs) >= packsCached {
		c.packs = map[int64][][]byte{}
	}
	c.packs[pack] = forms
}

// message reads one message in normal form.
func (r *Record) message(ctx context.Context, tx *sql.Tx, number int64) ([]byte, error) {
	pack, i := number/packLength, int(number%packLength)
	forms := r.packs.get(pack)
	if forms == nil {
		var data []byte
		err := tx.QueryRowContext(ctx, "SELECT data FROM pack WHERE key = ?", pack).Scan(&data)
		if err == nil {
			forms, err = decodePack(data)
		}
		if err != nil {
			return nil, fmt.Errorf("message %d: %w", number, found(err))
		}
		r.packs.put(pack, forms)
	}
	if i >= len(forms) {
		return nil, fmt.Errorf("message %d: %w: its pack is shorter", number, errDamaged)
	}
	return forms[i], nil
}
