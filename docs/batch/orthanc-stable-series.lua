-- Denoises every CT series that Orthanc calls stable (no new instance for StableAge seconds) and stores the result beside it.
-- orthanc.json: "LuaScripts": ["/etc/orthanc/orthanc-stable-series.lua"], "StableAge": 60, and the DICOMweb plugin.
-- The command runs in the background, because Orthanc waits for Lua, and one at a time, because each uses all processors.

local COMMAND = os.getenv('ISCL_DENOISE') or 'iscl-denoise'
local DICOMWEB = os.getenv('ISCL_DICOMWEB') or 'http://127.0.0.1:8042/dicom-web'
local LOG = os.getenv('ISCL_LOG') or '/var/log/orthanc/iscl-denoise.log'
local LOCK = os.getenv('ISCL_LOCK') or '/tmp/iscl-denoise.lock'

local function isUid(text)
   -- It goes to a shell: nothing but digits and dots.
   return text ~= nil and text:match('^[0-9.]+$') ~= nil
end

function OnStableSeries(seriesId, tags, metadata)
   -- Our own series becomes stable too. The command would refuse it; not starting is quicker.
   if tags['Modality'] ~= 'CT' or tags['Manufacturer'] == 'ISCL' then
      return
   end
   local study = ParseJson(RestApiGet('/series/' .. seriesId .. '/study'))['MainDicomTags']['StudyInstanceUID']
   local series = tags['SeriesInstanceUID']
   if isUid(study) and isUid(series) then
      os.execute('flock ' .. LOCK .. ' ' .. COMMAND ..
                    ' --from ' .. DICOMWEB .. ' --study ' .. study .. ' --series ' .. series ..
                    ' --to ' .. DICOMWEB .. ' >>' .. LOG .. ' 2>&1 &')
   end
end
