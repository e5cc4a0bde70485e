package record

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/holdfastdns/holdfast"
)

// Past answers what earlier looks taught about a zone, up to and with the last
// one that was judged; the zero Past where none was.
func (r *Record) Past(ctx context.Context, zone holdfast.Name) (holdfast.Past, error) {
	var past holdfast.Past
	var blob []byte
	err := r.reads.QueryRowContext(ctx, "SELECT data FROM past JOIN zone ON zone.key = past.zone WHERE zone.name = ?", string(zone)).Scan(&blob)
	if errors.Is(err, sql.ErrNoRows) {
		return past, nil
	}
	if err == nil {
		past, err = decodePast(blob)
	}
	return past, r.failed(fmt.Sprintf("read the past of %s", zone.Short()), err)
}

func decodePast(blob []byte) (holdfast.Past, error) {
	var past holdfast.Past
	raw, err := expand(blob)
	if err != nil {
		return past, err
	}
	if err := json.Unmarshal(raw, &past); err != nil {
		return past, fmt.Errorf("%w: %w", errDamaged, err)
	}
	return past, nil
}

// encodePast is nil where nothing is known.
func encodePast(past holdfast.Past) ([]byte, error) {
	if !past.Known() {
		return nil, nil
	}
	raw, err := json.Marshal(past)
	if err != nil {
		return nil, fmt.Errorf("encode the past: %w", err)
	}
	return squeeze(raw), nil
}

func (b *batch) savePast(zone int64, data []byte) error {
	if data == nil {
		return nil
	}
	return b.exec("INSERT INTO past (zone, data) VALUES (?, ?) ON CONFLICT (zone) DO UPDATE SET data = excluded.data", zone, data)
}
