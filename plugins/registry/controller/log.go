package controller

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/sirupsen/logrus"
)

// registryLog writes to the registry's own log, in its form.
type registryLog struct{ fields logrus.Fields }

func (l registryLog) Enabled(_ context.Context, level slog.Level) bool {
	return logrus.IsLevelEnabled(levelOf(level))
}

func (l registryLog) Handle(_ context.Context, record slog.Record) error {
	entry := logrus.WithFields(l.fields).WithField("component", "portcullis")
	record.Attrs(func(attribute slog.Attr) bool {
		entry = entry.WithField(attribute.Key, fmt.Sprint(attribute.Value.Any()))
		return true
	})
	entry.Log(levelOf(record.Level), record.Message)
	return nil
}

func (l registryLog) WithAttrs(attributes []slog.Attr) slog.Handler {
	fields := logrus.Fields{}
	for name, value := range l.fields {
		fields[name] = value
	}
	for _, attribute := range attributes {
		fields[attribute.Key] = fmt.Sprint(attribute.Value.Any())
	}
	return registryLog{fields}
}

func (l registryLog) WithGroup(string) slog.Handler { return l }

func levelOf(level slog.Level) logrus.Level {
	switch {
	case level >= slog.LevelError:
		return logrus.ErrorLevel
	case level >= slog.LevelWarn:
		return logrus.WarnLevel
	case level >= slog.LevelInfo:
		return logrus.InfoLevel
	default:
		return logrus.DebugLevel
	}
}
