package documents

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Path is the file that a URL names, if it is a `file:` one. Relative ones begin where the policy is.
func (f *Fetcher) Path(rawURL string) (string, bool) {
	path, is := strings.CutPrefix(rawURL, "file:")
	if !is {
		return "", false
	}
	path = strings.TrimPrefix(path, "//")
	if !filepath.IsAbs(path) {
		path = filepath.Join(f.folder, path)
	}
	return path, true
}

func (f *Fetcher) read(ctx context.Context, need Need) (*Document, error) {
	if need.Class != Policy {
		return nil, errors.New("only a policy names files")
	}
	path, _ := f.Path(need.URL)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	body, err := ReadFile(path, need.Most)
	if err != nil {
		return nil, err
	}
	return &Document{Status: 200, Body: body}, nil
}

// ReadFile reads a regular file of at most so many bytes. Opening anything else could take for ever.
func ReadFile(path string, most int64) ([]byte, error) {
	about, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !about.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	body, err := io.ReadAll(io.LimitReader(file, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > most {
		return nil, fmt.Errorf("it has more than %d bytes", most)
	}
	return body, nil
}
