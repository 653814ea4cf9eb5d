-- The quota of a team's calls is judged by its gates, which take a snapshot only with a higher epoch.
CREATE TRIGGER call_quota_set AFTER INSERT ON team_quota WHEN NEW.name = 'calls_a_day' BEGIN
  UPDATE team SET epoch = epoch + 1 WHERE id = NEW.team_id;
END;
CREATE TRIGGER call_quota_changed AFTER UPDATE ON team_quota WHEN NEW.name = 'calls_a_day' BEGIN
  UPDATE team SET epoch = epoch + 1 WHERE id = NEW.team_id;
END;
CREATE TRIGGER call_quota_lifted AFTER DELETE ON team_quota WHEN OLD.name = 'calls_a_day' BEGIN
  UPDATE team SET epoch = epoch + 1 WHERE id = OLD.team_id;
END;
